"""Distance of both solvers from the converged solution, against sweeps and microseconds.

Usage: python -m benchmarks.solver_convergence [folder]

1,000 states of the quadruped in walking, running and falling motion, recorded with a well converged
solver. From each, one step with the impulses of the step before. The residual is the largest
difference of any body's velocity from that of the converged solution of the same problem [m/s].
Times are for one step of 128 robots at once in float32, per robot, compilation apart; they include
all of the step, sensors and controller apart.

Writes solver_convergence.csv and .png to the folder (default: outputs/benchmarks) and prints a
Markdown table.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax

import diffsim  # noqa: F401  (sets an XLA flag before JAX's backend starts)

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from diffsim.cli.configuration import compose_bench_config  # noqa: E402
from diffsim.robots.build import build_world, initial_state  # noqa: E402
from diffsim.robots.config import RobotConfig  # noqa: E402
from diffsim.robots.replace import replace  # noqa: E402
from diffsim.simulate.rollout import Policy, hold, rollout  # noqa: E402
from diffsim.simulate.simulator import Engine  # noqa: E402
from diffsim.simulate.step import step  # noqa: E402
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel  # noqa: E402
from diffsim.world.world import Control, State, World  # noqa: E402

GRAVITY = [0.0, 0.0, -9.81]
TIMESTEP = 0.01
TORQUE = 15.0  # [N·m]; with the paper's 4 N·m the servos are saturated most of the time
PER_MOTION = 334
FALLS = 5
BATCH = 128
REPEATS = 30
SEED = 0


class Solver(NamedTuple):
    """One line of the plot.

    Attributes:
        label: in the legend.
        build: options of ``build_world``.
        rounds: in each sweep.
        momentum: of the sweeps.
        sweeps: that are measured.
        converged: sweeps after which nothing changes any more that would be seen.
    """

    label: str
    build: dict[str, bool]
    rounds: int
    momentum: float
    sweeps: tuple[int, ...]
    converged: int

    def settings(self, sweeps: int, drift_iterations: int = 3) -> ProjectedGaussSeidel:
        """This solver with so many sweeps."""
        return ProjectedGaussSeidel(
            sweeps, self.rounds, drift_iterations=drift_iterations, momentum=self.momentum
        )


SOLVERS = (
    Solver("elimination, 1 round, momentum", {}, 1, 0.5, (5, 10, 20, 40), 1000),
    Solver("elimination, 3 rounds", {}, 3, 0.0, (5, 10, 20, 40), 1000),
    Solver(
        "elimination, 3 rounds, momentum (default)", {}, 3, 0.5, (3, 5, 7, 10, 15, 20, 30), 1000
    ),
    Solver(
        "pgs, nothing merged",
        {"eliminate_joints": False, "merge_fixed": False},
        1,
        0.0,
        (5, 20, 80, 320),
        20000,
    ),
)

Commands = Callable[[jax.Array], jax.Array]


def trot(frequency: float, amplitude: float) -> Commands:
    """Commands over time: four shoulders, then four elbows [rad]."""

    def commands(time: jax.Array) -> jax.Array:
        phase, sign = 2.0 * jnp.pi * frequency * time, jnp.array([1.0, -1.0, -1.0, 1.0])
        elbows = amplitude * (0.3 + sign * jnp.cos(phase))
        return jnp.concatenate([amplitude * sign * jnp.sin(phase), elbows])

    return commands


def fallen(robot: RobotConfig, number: int) -> RobotConfig:
    """The robot dropped from 0.9 m in a random orientation, turning."""
    rng = np.random.default_rng([SEED, number])
    return replace(
        robot,
        {
            "bodies.spine.position": [0.0, 0.0, 0.9],
            "bodies.spine.orientation": rng.normal(size=4).tolist(),
            "bodies.spine.angular_velocity": (3.0 * rng.normal(size=3)).tolist(),
        },
    )


def record(
    world: World, solver: ProjectedGaussSeidel, start: State, policy: Commands, steps: int
) -> tuple[State, jax.Array]:
    """The states before every step, and the commands given there."""

    @jax.jit
    def run(start: State) -> State:
        control = lambda memory, s: (memory, Control(policy(s.time)))  # noqa: E731
        engine = Engine(world, solver)
        return rollout(engine, start, Policy(control), steps, lambda s, _: s).observations

    states = run(start)
    return states, jax.vmap(policy)(states.time)


def recorded(robot: RobotConfig, world: World, solver: Solver) -> tuple[State, jax.Array]:
    """1,000 states of three kinds of motion."""
    exact = solver.settings(solver.converged // 20, drift_iterations=20)
    idle = lambda time: jnp.zeros(8)  # noqa: E731
    start = initial_state(robot, world)
    motions = [
        [record(world, exact, start, trot(1.5, 0.4), 1000)],
        [record(world, exact, start, trot(3.0, 0.6), 1000)],
        [
            record(world, exact, initial_state(fallen(robot, k), world), idle, 100)
            for k in range(FALLS)
        ],
    ]
    rng = np.random.default_rng(SEED)
    chosen = []
    for parts in motions:
        joined = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)
        index = rng.choice(joined[1].shape[0], PER_MOTION, replace=False)
        chosen.append(jax.tree.map(lambda leaf, i=index: leaf[i], joined))
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *chosen)


def velocities(world: World, settings: ProjectedGaussSeidel, states: Any) -> np.ndarray:
    """Velocities one step later, shape (states, bodies, 3)."""
    one = lambda s, c: step(world, settings, s, Control(c)).twist.linear.stack()  # noqa: E731
    return np.asarray(jax.jit(jax.vmap(one))(*states))


def microseconds(robot: RobotConfig, solver: Solver, settings: ProjectedGaussSeidel) -> float:
    """Time of one step of one robot among ``BATCH``, in float32; median of several [µs]."""
    with jax.enable_x64(False):
        world = build_world(robot, GRAVITY, TIMESTEP, **solver.build)
        state = initial_state(robot, world)
        many = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (BATCH, *leaf.shape)), state)
        control = Control(jnp.zeros(8))
        steps = 20

        def run(s: State) -> State:
            return rollout(Engine(world, settings), s, hold(control), steps).state

        compiled = jax.jit(jax.vmap(run)).lower(many).compile()
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            jax.block_until_ready(compiled(many))
            times.append(time.perf_counter() - start)
    return 1e6 * float(np.median(times)) / (BATCH * steps)


def strong_quadruped() -> RobotConfig:
    """Quadruped with servos that seldom saturate."""
    robot = compose_bench_config("robot=quadruped").robot
    return replace(robot, {f"motors.{name}.max_force": TORQUE for name in robot.motors})


def measure() -> pd.DataFrame:
    """One row for each solver and number of sweeps."""
    robot = strong_quadruped()
    rows = []
    for solver in SOLVERS:
        world = build_world(robot, GRAVITY, TIMESTEP, **solver.build)
        states = recorded(robot, world, solver)
        exact, check = (
            velocities(world, solver.settings(count, drift_iterations=0), states)
            for count in (solver.converged, solver.converged // 2)
        )
        left = np.linalg.norm(exact - check, axis=-1).max()
        print(f"{solver.label}: the reference is converged to {left:.1e} m/s", file=sys.stderr)
        for sweeps in solver.sweeps:
            settings = solver.settings(sweeps)
            found = velocities(world, settings, states)
            residual = np.linalg.norm(found - exact, axis=-1).max(-1)
            rows.append(
                {
                    "solver": solver.label,
                    "sweeps": sweeps,
                    "microseconds": microseconds(robot, solver, settings),
                    "median": np.median(residual),
                    "p90": np.quantile(residual, 0.9),
                    "maximum": residual.max(),
                    "reference": left,
                }
            )
            print(rows[-1], file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def plot(table: pd.DataFrame, path: Path) -> None:
    """Median, 90th percentile and maximum against sweeps and against time."""
    figure = Figure(figsize=(11.0, 4.2), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    styles = {"median": "-", "p90": "--", "maximum": ":"}
    for number, (label, rows) in enumerate(table.groupby("solver", sort=False)):
        for column, style in styles.items():
            for ax, x in zip(axes, ("sweeps", "microseconds"), strict=True):
                name = label if column == "median" else None
                ax.plot(rows[x], rows[column], style, marker=".", color=f"C{number}", label=name)
    for ax, x in zip(axes, ("sweeps", "µs per robot-step, batch of 128"), strict=True):
        ax.set(xscale="log", yscale="log", xlabel=x)
        ax.axhline(1e-2, color="gray", lw=0.8)
        ax.axhline(1e-1, color="gray", lw=0.8, ls="--")
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("residual [m/s]: median -, 90 % --, max ··")
    axes[1].legend(fontsize="small")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure, write, print."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "outputs/benchmarks")
    folder.mkdir(parents=True, exist_ok=True)
    table = measure()
    table.to_csv(folder / "solver_convergence.csv", index=False)
    plot(table, folder / "solver_convergence.png")
    print("| solver | sweeps | µs | median [m/s] | 90 % | maximum |\n|---|---|---|---|---|---|")
    for row in table.itertuples():
        print(
            f"| {row.solver} | {row.sweeps} | {row.microseconds:.1f} | {row.median:.1e} "
            f"| {row.p90:.1e} | {row.maximum:.1e} |"
        )


if __name__ == "__main__":
    main()
