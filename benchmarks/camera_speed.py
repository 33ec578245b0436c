"""Seconds for a frame of the pendulum's camera, and where those of a training episode go.

Usage: python -m benchmarks.camera_speed

Smallest of several times, compilation apart. Run it with nothing beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import diffsim  # noqa: F401  (sets XLA's flags before JAX is loaded)
from diffsim.camera.camera import Camera
from diffsim.cli.configuration import compose_config
from diffsim.controllers.controller import Interface
from diffsim.controllers.table import CONTROLLERS
from diffsim.experiment.config import RunConfig
from diffsim.experiment.experiment import Experiment
from diffsim.experiment.simulation import make_world
from diffsim.optimizers.table import OPTIMIZERS
from diffsim.robots.build import initial_state
from diffsim.world.world import part_motion

REPEATS = 30
SHARP = "robot.cameras.front.softness=null"
FRAMES: dict[str, tuple[str, ...]] = {"sharp edges": (SHARP,), "soft edges": ()}
EPISODES: dict[str, tuple[str, ...]] = {
    "soft, 75 images (the preset)": (),
    "soft, 300 images": ("controller.every=1",),
    "sharp, 75 images": (SHARP,),
    "sharp, 300 images": (SHARP, "controller.every=1"),
}


def milliseconds(function: Callable[..., Any], *arguments: Any, repeats: int = REPEATS) -> float:
    """Time of one call, at best [ms]."""
    compiled = jax.jit(function)
    jax.block_until_ready(compiled(*arguments))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(compiled(*arguments))
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def frame(config: RunConfig) -> tuple[float, float]:
    """Time of an image, and of the gradient of a sum over it by all bodies' motion."""
    world = make_world(config.robot, config.simulation, config.solver)
    camera = Camera(config.robot, config.robot.cameras["front"])
    motion = part_motion(world.parts, initial_state(config.robot, world))
    weights = jax.random.normal(jax.random.key(0), camera.shape)

    def see(motion: Any) -> jax.Array:
        return camera.view(world.parts.names, motion)

    def total(motion: Any) -> jax.Array:
        return jnp.sum(weights * see(motion))

    return milliseconds(see, motion), milliseconds(jax.grad(total), motion)


def net(config: RunConfig, frames: int) -> float:
    """Time of the controller's gradient alone, through so many frames in a loop."""
    interface = Interface(0, 1, config.robot.cameras["front"].shape)
    controller = CONTROLLERS[config.controller.kind](config.controller, interface)
    parameters, memory = controller.init(jax.random.key(0))

    def total(parameters: Any) -> jax.Array:
        def look(carry: Any, _: None) -> tuple[Any, None]:
            memory, value = carry
            memory, commands = controller.apply(parameters, memory, memory[0] + 1e-3 * value)
            return (memory, value + jnp.sum(commands)), None

        step = jax.checkpoint(look, prevent_cse=False)
        (_, value), _ = jax.lax.scan(step, (memory, jnp.zeros(())), length=frames)
        return value

    return milliseconds(jax.grad(total), parameters, repeats=3)


def episode(config: RunConfig) -> tuple[float, float]:
    """Time of one episode, and of its gradient as in training."""
    experiment = Experiment(config)
    x, key = jnp.asarray(experiment.initial), jax.random.key(0)
    optimizer = OPTIMIZERS[config.optimizer.kind](config.optimizer, experiment, config.seed)
    flow = optimizer.flow
    assert flow is not None
    return (
        milliseconds(lambda x: experiment.evaluate(x, key).loss, x, repeats=3),
        milliseconds(jax.grad(lambda x: experiment.evaluate(x, key, flow).loss), x, repeats=3),
    )


def main() -> None:
    """Print both tables."""
    print("| 288 × 96 pixels | image [ms] | gradient [ms] | ratio |\n|---|---|---|---|")
    for name, overrides in FRAMES.items():
        image, gradient = frame(compose_config("experiment=pendulum_camera", *overrides))
        print(f"| {name} | {image:.2f} | {gradient:.2f} | {gradient / image:.1f} |", flush=True)
    print("\n| an episode of 300 steps | forward [s] | gradient [s] |\n|---|---|---|")
    for name, overrides in EPISODES.items():
        config = compose_config("experiment=pendulum_camera", "batch=1", *overrides)
        forward, gradient = episode(config)
        print(f"| {name} | {forward / 1e3:.3f} | {gradient / 1e3:.3f} |", flush=True)
    forward, gradient = episode(compose_config("experiment=pendulum_state", "batch=1"))
    print(f"| no images: pendulum_state | {forward / 1e3:.3f} | {gradient / 1e3:.3f} |")
    config = compose_config("experiment=pendulum_camera")
    print(f"| the net alone, 75 times | | {net(config, 75) / 1e3:.3f} |")


if __name__ == "__main__":
    main()
