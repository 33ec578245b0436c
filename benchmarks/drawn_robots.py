"""Robots that are drawn, each with numbers of its own, against equal ones: time of a batch.

    python -m benchmarks.drawn_robots

Both batches are of 128 quadrupeds and one second, and take turns; the fastest run of each counts.
The equal ones differ in their starts alone.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
from rich.console import Console
from rich.table import Table

from diffsim.cli.configuration import compose_config
from diffsim.experiment.experiment import Experiment
from diffsim.programs import Program

ROBOTS, ROUNDS = 128, 12
COMMON = ("robot=quadruped", "task.duration=1.0", f"batch={ROBOTS}", "device=cpu")
BATCHES = {
    "equal": "task.start.position=1e-4",
    "drawn": "+task.randomize={robot.friction: [0.4, 1.0], robot.bodies.spine.mass: [1.0, 2.0], "
    "robot.bodies.femur_front_left.mass: [0.3, 0.5], "
    "robot.bodies.femur_back_right.mass: [0.3, 0.5]}",
}


class Batch(NamedTuple):
    """Programs of one batch: of the loss, and of the loss with its gradient."""

    x: jax.Array
    programs: dict[str, Program]


def make_batch(override: str) -> Batch:
    """The batch with one more override."""
    experiment = Experiment(compose_config(*COMMON, override))

    def loss(x: jax.Array, key: jax.Array) -> jax.Array:
        return experiment.evaluate(x, key).loss

    programs = {"loss": Program(loss), "loss and gradient": Program(jax.value_and_grad(loss))}
    return Batch(jnp.asarray(experiment.initial) + 0.05, programs)


def seconds(batch: Batch, program: str, key: jax.Array) -> float:
    """Time of one call."""
    begin = time.perf_counter()
    jax.block_until_ready(batch.programs[program](batch.x, key))
    return time.perf_counter() - begin


def main() -> None:
    """Measure both batches, and print how fast the drawn robots are."""
    batches = {name: make_batch(override) for name, override in BATCHES.items()}
    table = Table("", *(f"{name} [s]" for name in batches), "speed of drawn / equal", "compiled")
    for program in ("loss", "loss and gradient"):
        fastest = dict.fromkeys(batches, float("inf"))
        for number in range(1 + ROUNDS):  # the first one compiles
            for name, batch in batches.items():
                taken = seconds(batch, program, jax.random.key(number))
                fastest[name] = min(fastest[name], taken)
        compiled = max(batch.programs[program].compilations for batch in batches.values())
        share = fastest["equal"] / fastest["drawn"]
        times = (f"{fastest[name]:.3f}" for name in batches)
        table.add_row(program, *times, f"{share:.2f}", f"{compiled} time")
    Console().print(table)


if __name__ == "__main__":
    main()
