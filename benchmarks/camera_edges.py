"""Edges in an image's gradient, and what supersampling and soft edges do about them.

Usage: python -m benchmarks.camera_edges

The pendulum-cart in many poses, seen by its camera. An image counts as the sum of its pixels times
smooth random weights; its derivatives by the cart's place and the pole's angle are compared with
what that sum really changes by when cart or pole's end moves by half a pixel to either side. Prints
a Markdown table: the relative error (root mean square over all poses) and the correlation; and the
share of pixels at edges, which have no gradient of their own.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import diffsim  # noqa: F401  (sets XLA's flags before JAX is loaded)
from diffsim.camera.camera import Camera
from diffsim.cli.configuration import compose_config
from diffsim.experiment.config import RunConfig
from diffsim.experiment.simulation import make_world
from diffsim.robots.build import initial_state

POSES = 100
WAVES = 12
"""Of the weights, across the image's width."""

SETTINGS: dict[str, dict[str, Any]] = {
    "sharp, 1 ray a pixel": {"softness": None},
    "sharp, 2 × 2 rays": {"softness": None, "samples": 2},
    "sharp, 4 × 4 rays": {"softness": None, "samples": 4},
    "soft over 1 cm": {"softness": 0.01},
    "soft over 2 cm": {"softness": 0.02},
    "soft over 3 cm (the preset)": {"softness": 0.03},
    "soft over 5 cm": {"softness": 0.05},
}


def seen(config: RunConfig, **change: Any) -> Callable[[jax.Array], jax.Array]:
    """The image (height, width) of a cart at q[0] [m] with its pole at q[1] [rad]."""
    robot = config.robot
    camera = Camera(robot, dataclasses.replace(robot.cameras["front"], **change))

    def image(q: jax.Array) -> jax.Array:
        joints = dict(robot.joints)
        for k, name in enumerate(("rail", "pivot")):
            at: Any = [q[k]]
            joints[name] = dataclasses.replace(joints[name], position=at)
        moved = dataclasses.replace(robot, joints=joints)
        world = make_world(moved, config.simulation, config.solver)
        return camera.see(world, initial_state(moved, world))[0]

    return image


def smooth_weights(shape: tuple[int, int], seed: int) -> np.ndarray:
    """A sum of waves in random directions, root mean square one."""
    rng = np.random.default_rng(seed)
    down, right = np.mgrid[: shape[0], : shape[1]] * 2.0 * np.pi / shape[1]
    waves = [
        np.sin(a * right + b * down + phase)
        for a, b, phase in rng.uniform([-WAVES, -WAVES, 0.0], [WAVES, WAVES, 2.0 * np.pi], (8, 3))
    ]
    total = np.sum(waves, axis=0)
    return np.asarray(total / np.sqrt(np.mean(total**2)))


def main() -> None:
    """Compare all settings."""
    config = compose_config("experiment=pendulum_camera", "precision=float64")
    camera = config.robot.cameras["front"]
    width, height = camera.resolution
    rng = np.random.default_rng(0)
    q = rng.uniform([-0.5, -np.pi], [0.5, np.pi], (POSES, 2))
    # One pixel, two metres away; of the angle at the pole's end.
    pixel = 2.0 * camera.sensor_size[0] / camera.focal_length / width
    steps = np.array([pixel, pixel / 0.6])
    with jax.enable_x64(True):
        weights = np.stack([smooth_weights((height, width), k) for k in range(POSES)])
        sharp = jax.jit(seen(config, softness=None))
        shares = [edge_share(sharp, jnp.asarray(at), steps) for at in q]
        print(f"{100.0 * np.mean(shares):.2f} % of the pixels are at edges that move.\n")
        print(
            "| rendering | cart: error | correlation | pole: error | correlation | ms a gradient |"
        )
        print("|---|---|---|---|---|---|", flush=True)
        for name, setting in SETTINGS.items():
            image = jax.jit(seen(config, **setting))
            gradient = jax.jit(
                jax.grad(lambda q, weight, image=image: jnp.sum(weight * image(q)), argnums=0)
            )
            found, reference = np.zeros((2, POSES, 2))
            start = 0.0
            for k in range(POSES):
                found[k] = jax.block_until_ready(gradient(jnp.asarray(q[k]), weights[k])) * steps
                start = start or time.perf_counter()
            seconds = (time.perf_counter() - start) / (POSES - 1)
            for k in range(POSES):
                for axis in range(2):
                    way = 0.5 * np.eye(2)[axis] * steps
                    change = image(jnp.asarray(q[k] + way)) - image(jnp.asarray(q[k] - way))
                    reference[k, axis] = np.sum(weights[k] * np.asarray(change))
            cells = []
            for axis in range(2):
                mine, true = found[:, axis], reference[:, axis]
                error = np.sqrt(np.mean((mine - true) ** 2) / np.mean(true**2))
                # A body of one colour with sharp edges has no gradient at all.
                alike = f"{np.corrcoef(mine, true)[0, 1]:.2f}" if np.ptp(mine) > 0.0 else "–"
                cells += [f"{100.0 * error:.0f} %", alike]
            print(f"| {name} | {' | '.join(cells)} | {1e3 * seconds:.1f} |", flush=True)


def edge_share(image: Callable[[jax.Array], jax.Array], q: jax.Array, steps: np.ndarray) -> float:
    """Share of pixels whose colour jumps, by more than a texture changes it, within a pixel."""
    jumps = np.zeros(image(q).shape, bool)
    for axis in range(2):
        way = jnp.asarray(np.eye(2)[axis] * steps)
        jumps |= np.abs(np.asarray(image(q + 0.5 * way) - image(q - 0.5 * way))) > 0.1
    return float(jumps.mean())


if __name__ == "__main__":
    main()
