"""The paper's first experiment by Adam, Levenberg-Marquardt and CMA-ES, side by side in one run.

Usage: python -m benchmarks.ball_throw [folder for the results]

Adam and Levenberg-Marquardt start from zero velocity and spin, as the paper does, and then from
several starts near it, to show how much the count depends on where they begin. CMA-ES starts from
zero with several seeds. Every run goes through the same runner as ``diffsim-run``. Prints a
Markdown table and writes it with the raw numbers to the folder (by default under outputs/).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from rich.console import Console

from benchmarks.trainings import spread
from diffsim.cli.configuration import compose_config
from diffsim.experiment.experiment import Experiment
from diffsim.experiment.runner import run

SEEDS = 10
# Standard deviations of the starts near zero [m/s], [rad/s].
VELOCITY_SPREAD, SPIN_SPREAD = 0.3, 0.6
PAPER = "The paper: gradient descent 88 iterations, 16.3 s; CMA-ES 2,422 evaluations, 59.9 s"
FIRST = "adam_from_zero_0"


def starts() -> list[list[str]]:
    """Overrides for the start from zero, then for the starts near it."""
    generator = np.random.default_rng(0)
    found: list[list[str]] = [[]]
    for _ in range(SEEDS):
        velocity = generator.normal(0.0, VELOCITY_SPREAD, 3).round(4).tolist()
        spin = generator.normal(0.0, SPIN_SPREAD, 3).round(4).tolist()
        found.append(
            [
                f"robot.bodies.ball.velocity={velocity}",
                f"robot.bodies.ball.angular_velocity={spin}",
            ]
        )
    return found


def measure(folder: Path, overrides: list[str]) -> dict[str, float]:
    """Run once; iterations, evaluations and seconds until the goal was met."""
    folder.mkdir(parents=True)
    result = run(compose_config("device=cpu", *overrides), folder, Console(quiet=True))
    seconds = pd.read_csv(folder / "metrics.csv")["wall_s"]
    return {
        "solved": float(result.succeeded),
        "iterations": result.iterations,
        "evaluations": result.evaluations,
        "seconds": result.wall_s,
        "seconds_after_first_iteration": seconds.iloc[-1] - seconds.iloc[0],
    }


def finer_steps(variables: dict[str, list[float]], divisor: int) -> str:
    """What becomes of a throw when it is simulated with a finer time step, in float64."""
    with jax.enable_x64(True):
        experiment = Experiment(
            compose_config(
                f"simulation.dt={0.01 / divisor}",
                f"robot.bodies.ball.velocity={variables['velocity']}",
                f"robot.bodies.ball.angular_velocity={variables['spin']}",
            )
        )
        metrics = jax.jit(experiment.evaluate)(jnp.asarray(experiment.initial)).metrics
    return (
        f"Adam's throw from zero, simulated with a time step of {0.01 / divisor:g} s: it ends "
        f"{float(metrics['position_error']):.3f} m from the target at "
        f"{float(metrics['velocity_error']):.3f} m/s."
    )


def main() -> None:
    """Run everything, print and save the table."""
    stamp = pd.Timestamp.now().strftime("%Y-%m-%d/%H-%M-%S")
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else f"outputs/{stamp}_bench_ball_throw")
    plan = {
        ("Adam", "from zero"): [["optimizer=adam"]],
        ("Adam", "near zero"): [["optimizer=adam", *start] for start in starts()[1:]],
        ("Levenberg-Marquardt", "from zero"): [["optimizer=lm"]],
        ("Levenberg-Marquardt", "near zero"): [["optimizer=lm", *s] for s in starts()[1:]],
        ("CMA-ES", "from zero"): [["optimizer=cmaes", f"seed={seed}"] for seed in range(SEEDS)],
    }
    rows, table = [], []
    for (method, start), runs in plan.items():
        found = []
        for number, overrides in enumerate(runs):
            name = f"{method}_{start}_{number}".replace(" ", "_").lower()
            found.append(measure(folder / name, overrides))
            print(f"{method}, {start}, run {number + 1}/{len(runs)}: {found[-1]}", flush=True)
        rows += [{"method": method, "start": start, **row} for row in found]
        table.append(table_row(method, start, pd.DataFrame(found)))

    manifest = json.loads(next(folder.glob("*/manifest.json")).read_text())
    text = "\n".join(
        [
            "| method | start | solved | iterations | evaluations | seconds with compilation "
            "| seconds without |",
            "|---|---|---|---|---|---|---|",
            *table,
            "",
            finer_steps(json.loads((folder / FIRST / "result.json").read_text())["variables"], 8),
            "",
            f"Median (smallest to largest). {PAPER}.",
            f"Commit {manifest['git']['commit'][:12] if manifest['git'] else 'unknown'}, "
            f"{manifest['machine']['processor']}, {manifest['machine']['cores']} cores, "
            f"jax {manifest['versions']['jax']}, cma {manifest['versions']['cma']}, "
            f"optimistix {manifest['versions']['optimistix']}, {manifest['created'][:10]}.",
        ]
    )
    pd.DataFrame(rows).to_csv(folder / "runs.csv", index=False)
    (folder / "table.md").write_text(f"{text}\n")
    print(f"\n{text}\n\nWritten to {folder}")


def table_row(method: str, start: str, found: pd.DataFrame) -> str:
    """One line of the Markdown table; iterations and times of the runs that were solved."""
    solved = found[found["solved"] > 0]

    return (
        f"| {method} | {start} | {len(solved)} of {len(found)} | {spread(solved['iterations'], 0)} "
        f"| {spread(solved['evaluations'], 0)} | {spread(solved['seconds'], 1)} "
        f"| {spread(solved['seconds_after_first_iteration'], 1)} |"
    )


if __name__ == "__main__":
    main()
