"""Recipes for the gradient through time, compared on the gait and on a pendulum's swing-up.

Usage: python -m benchmarks.gradient_flow [folder]

Every recipe trains from several seeds. Each run has a folder of its own (default: under
outputs/benchmarks/gradient_flow); calling this again makes only those that are missing. From them
come gradient_flow.csv, a row for each run, and gradient_flow.md: of each recipe the median over the
seeds and the range, and the share of gradients that were clipped or not finite.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmarks.trainings import stamp, trained

SEEDS = range(3)


class Problem(NamedTuple):
    """What is trained.

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
    Problem("quadruped_gait", "speed", True, ("optimizer.iterations=200",)),
    Problem("swing_up", "validation_end_distance", False, ("optimizer.iterations=500",)),
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


def train(problem: Problem, recipe: str, seed: int, folder: Path) -> dict[str, object]:
    """One run, made now if it has not been made before."""
    metrics = trained(
        folder,
        f"experiment={problem.preset}",
        *problem.overrides,
        *RECIPES[recipe],
        f"seed={seed}",
    )
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
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "outputs/benchmarks/gradient_flow")
    rows = []
    for problem in PROBLEMS:
        for seed in SEEDS:
            for recipe in RECIPES:
                place = (
                    folder / f"{problem.preset}_{recipe.replace(',', '').replace(' ', '_')}_{seed}"
                )
                rows.append(train(problem, recipe, seed, place))
                print(
                    f"{problem.preset}, {recipe}, seed {seed}: {rows[-1]['best']:.3g}", flush=True
                )
                table = pd.DataFrame(rows)
                table.to_csv(folder / "gradient_flow.csv", index=False)
                text = f"{report(table)}\n{stamp(place)}\n"
                (folder / "gradient_flow.md").write_text(text)
    print(text)
    print(f"Everything is in {folder}")


if __name__ == "__main__":
    main()
