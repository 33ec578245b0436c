"""The gradient of a step through the sweeps, and by implicit differentiation, against sweeps.

Usage: python -m benchmarks.solver_gradient [folder]

Gradients of a random weighting of the bodies' velocities after one step of the quadruped, with
respect to the velocities before it and the commands, in 200 of the states of walking,
running and falling of solver_convergence.py. The error is the distance to the gradient of the
converged solution, through as many sweeps as it takes, relative to its length. Seconds are for the
gradient of 100 steps of 128 robots in float32, compilation apart, and the memory is what XLA plans
for it.

Writes solver_gradient.csv and solver_gradient_cost.csv to the folder (default: outputs/benchmarks)
and prints Markdown tables. The first ever run compiles for some minutes.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from benchmarks.solver_convergence import (
    BATCH,
    GRAVITY,
    SEED,
    SOLVERS,
    TIMESTEP,
    recorded,
    strong_quadruped,
)
from diffsim.math.spatial import Twist
from diffsim.robots.build import build_world, initial_state
from diffsim.robots.config import RobotConfig
from diffsim.simulate.rollout import hold, rollout
from diffsim.simulate.simulator import Engine
from diffsim.simulate.step import step
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.world.world import Control, State, World

SWEEPS = (5, 10, 20)
TIMED_SWEEPS = 10
CONVERGED = 600
STATES = 200
METHODS = ("sweeps", "implicit")
STEPS = 100
REPEATS = 5
SOLVER = SOLVERS[2]


def gradients(world: World, settings: ProjectedGaussSeidel, states: Any) -> np.ndarray:
    """Shape (states, inputs), in units of 1 m/s, 1 rad/s and 1 rad."""
    weights = jnp.asarray(
        np.random.default_rng(SEED).normal(size=(2, 3, len(world.bodies.names))),
    )

    def loss(inputs: Any, state: State) -> jax.Array:
        velocity, spin, command = inputs
        start = state._replace(twist=Twist(velocity, spin))
        after = step(world, settings, start, Control(command))
        moved = jnp.stack([jnp.stack(after.twist.linear), jnp.stack(after.twist.angular)])
        return jnp.sum(weights * moved)

    def gradient(state: State, command: jax.Array) -> Any:
        inputs = (state.twist.linear, state.twist.angular, command)
        return jax.grad(loss)(inputs, state)

    # Put together outside: a concatenation in the program would become one kernel with all of it.
    leaves = jax.tree.leaves(jax.jit(jax.vmap(gradient))(*states))
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)


def cost(robot: RobotConfig, settings: ProjectedGaussSeidel) -> tuple[float, float]:
    """Median seconds, and megabytes, of the gradient of ``STEPS`` steps of ``BATCH`` robots."""
    with jax.enable_x64(False):
        world = build_world(robot, GRAVITY, TIMESTEP, **SOLVER.build)
        start = initial_state(robot, world)

        def distance(command: jax.Array) -> jax.Array:
            control = Control(command)
            final = rollout(Engine(world, settings), start, hold(control), STEPS).state
            return final.pose.position.x[0]

        commands = jnp.asarray(
            0.1 * np.random.default_rng(SEED).normal(size=(BATCH, 8)), jnp.float32
        )
        compiled = jax.jit(jax.vmap(jax.grad(distance))).lower(commands).compile()
        times = []
        for _ in range(REPEATS):
            begin = time.perf_counter()
            jax.block_until_ready(compiled(commands))
            times.append(time.perf_counter() - begin)
        memory: Any = compiled.memory_analysis()
    return float(np.median(times)), memory.temp_size_in_bytes / 1e6


def costs() -> pd.DataFrame:
    """One row for each method, at the default number of sweeps."""
    rows = []
    for method in METHODS:
        settings = dataclasses.replace(SOLVER.settings(TIMED_SWEEPS), gradient=method)
        seconds, megabytes = cost(strong_quadruped(), settings)
        rows.append({"gradient": method, "seconds": seconds, "megabytes": megabytes})
        print(rows[-1], file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def errors() -> pd.DataFrame:
    """One row for each method and number of sweeps."""
    robot = strong_quadruped()
    world = build_world(robot, GRAVITY, TIMESTEP, **SOLVER.build)
    everything = recorded(robot, world, SOLVER)
    chosen = np.random.default_rng(SEED).choice(len(everything[1]), STATES, replace=False)
    states = jax.tree.map(lambda leaf: leaf[chosen], everything)
    exact = gradients(world, SOLVER.settings(CONVERGED), states)
    size = np.linalg.norm(exact, axis=1)
    rows = []
    for method in METHODS:
        for sweeps in SWEEPS:
            settings = dataclasses.replace(SOLVER.settings(sweeps), gradient=method)
            found = gradients(world, settings, states)
            error = np.linalg.norm(found - exact, axis=1) / size
            cosine = np.sum(found * exact, axis=1) / (size * np.linalg.norm(found, axis=1))
            rows.append(
                {
                    "gradient": method,
                    "sweeps": sweeps,
                    "median": np.median(error),
                    "p90": np.quantile(error, 0.9),
                    "cosine_p10": np.quantile(cosine, 0.1),
                }
            )
            print(rows[-1], file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    """Measure, write, print; the times first, while the machine is quiet."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "outputs/benchmarks")
    folder.mkdir(parents=True, exist_ok=True)
    spent = costs()
    spent.to_csv(folder / "solver_gradient_cost.csv", index=False)
    print(f"\n| gradient, {TIMED_SWEEPS} sweeps | seconds | MB |\n|---|---|---|")
    for row in spent.itertuples():
        print(f"| {row.gradient} | {row.seconds:.2f} | {row.megabytes:.0f} |", flush=True)
    table = errors()
    table.to_csv(folder / "solver_gradient.csv", index=False)
    print("\n| gradient | sweeps | error, median | 90 % | cosine, 10 % |\n|---|---|---|---|---|")
    for row in table.itertuples():
        print(
            f"| {row.gradient} | {row.sweeps} | {row.median:.1e} | {row.p90:.1e} "
            f"| {row.cosine_p10:.6f} |"
        )


if __name__ == "__main__":
    main()
