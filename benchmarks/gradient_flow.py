"""Recipes for the gradient through time, compared on the gait and on a pendulum's swing-up.

Usage: python -m benchmarks.gradient_flow [folder]

Every recipe trains from several seeds, one run on each core at a time. Each has a folder of its own
(default: under outputs/benchmarks/gradient_flow); calling this again goes on with those that are
missing. From them come gradient_flow.csv, a row for each run, and gradient_flow.md: of each recipe
the median over the seeds and the range, and the share of gradients that were clipped or not finite.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from rich.console import Console

from diffsim.bench.results import origin
from diffsim.cli.jobs import Chain, Job, Pool, Stopped
from diffsim.runs.folder import RunFolder

SEEDS = range(3)


class TrainedTask(NamedTuple):
    """A preset that every recipe trains.

    Attributes:
        preset: the experiment.
        figure: of its metrics, the one that counts.
        larger: whether it is to be large.
        overrides: common to all recipes.
    """

    preset: str
    figure: str
    larger: bool
    overrides: tuple[str, ...]


PROBLEMS = (
    TrainedTask("quadruped_gait", "speed", True, ("optimizer.iterations=200",)),
    TrainedTask("swing_up", "validation_end_distance", False, ("optimizer.iterations=500",)),
)
PLAIN = (
    "optimizer.gradient_decay=1.0",
    "optimizer.cotangent_limit=null",
    "optimizer.backtrack=null",
)
RECIPES = {
    "clipping alone": PLAIN,
    "decay 0.995": (*PLAIN, "optimizer.gradient_decay=0.995"),
    "decay 0.98": (*PLAIN, "optimizer.gradient_decay=0.98"),
    "decay 0.95": (*PLAIN, "optimizer.gradient_decay=0.95"),
    "cotangent limit 1": (*PLAIN, "optimizer.cotangent_limit=1.0"),
    "cotangent limit 0.1": (*PLAIN, "optimizer.cotangent_limit=0.1"),
    "cotangent limit 0.03": (*PLAIN, "optimizer.cotangent_limit=0.03"),
    "both, 0.98 and 0.03": (
        *PLAIN,
        "optimizer.gradient_decay=0.98",
        "optimizer.cotangent_limit=0.03",
    ),
    "truncation 100": (*PLAIN, "optimizer.truncation=100"),
    "truncation 25": (*PLAIN, "optimizer.truncation=25"),
}


def jobs(folder: Path) -> dict[tuple[TrainedTask, str, int], Job]:
    """A training for each problem, recipe and seed."""
    found = {}
    for problem in PROBLEMS:
        for seed in SEEDS:
            for recipe, overrides in RECIPES.items():
                name = f"{problem.preset}_{recipe.replace(',', '').replace(' ', '_')}_{seed}"
                told = (f"experiment={problem.preset}", *problem.overrides, *overrides)
                told = (*told, f"seed={seed}", "stop_on_success=false", "device=cpu")
                found[problem, recipe, seed] = Job(name, "diffsim-run", told, folder / name, 60.0)
    return found


def row(problem: TrainedTask, recipe: str, seed: int, folder: Path) -> dict[str, object]:
    """One run in numbers; one that diverged as far as it came."""
    metrics = RunFolder(folder).metrics()
    found = metrics[problem.figure]
    return {
        "problem": problem.preset,
        "recipe": recipe,
        "seed": seed,
        "best": found.max() if problem.larger else found.min(),
        "clipped": metrics["clipped"].mean(),
        "non_finite": metrics["non_finite"].iloc[-1] / len(metrics),
        "seconds": metrics["wall_s"].iloc[-1],
    }


def report(table: pd.DataFrame) -> str:
    """The table for people."""
    lines = []
    for problem in PROBLEMS:
        best = "largest" if problem.larger else "smallest"
        lines += [
            f"`{problem.preset}`, {best} {problem.figure}:",
            "",
            "| recipe | median | range over seeds | clipped | not finite |",
            "|---|---|---|---|---|",
        ]
        for recipe in RECIPES:
            mine = table[(table["problem"] == problem.preset) & (table["recipe"] == recipe)]
            if mine.empty:
                continue
            found = mine["best"]
            lines.append(
                f"| {recipe} | {found.median():.3g} | {found.min():.3g} to {found.max():.3g} | "
                f"{100 * mine['clipped'].mean():.0f} % | {100 * mine['non_finite'].mean():.0f} % |"
            )
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Make what is missing; write the table."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "outputs/benchmarks/gradient_flow")
    todo = jobs(folder)
    pool = Pool([Chain((job,)) for job in todo.values()], Console())
    try:
        pool.run()
    except Stopped:
        sys.exit("stopped; the same command goes on where this one ended")
    made = {key: job for key, job in todo.items() if job.name not in pool.failed}
    failures = "\n".join(f"{name} failed: {why}" for name, why in pool.failed.items())
    if not made:
        sys.exit(failures)
    table = pd.DataFrame([row(*key, job.folder) for key, job in made.items()])
    table.to_csv(folder / "gradient_flow.csv", index=False)
    newest = max((job.folder for job in made.values()), key=lambda path: path.stat().st_mtime)
    text = f"{report(table)}\n{origin(RunFolder(newest).manifest())}\n"
    (folder / "gradient_flow.md").write_text(text)
    print(f"{text}\nEverything is in {folder}")
    if failures:
        sys.exit(failures)


if __name__ == "__main__":
    main()
