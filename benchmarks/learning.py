"""The paper's experiments 3 to 5, by back-propagation through time and by CMA-ES, and a swing-up.

Usage: python -m benchmarks.learning EXPERIMENT [folder]

EXPERIMENT is arm_fixed, arm_random, quadruped_gait or swing_up (which has no CMA-ES). All methods
train from several seeds for the same number of evaluations (episodes simulated). Each run has a
folder of its own (default: under outputs/benchmarks/learning); calling this again makes only those
that are missing. From them come runs.csv, a row for each run; table.md, medians over the seeds and
how many reached the marks after how many evaluations; and curves.png, the best so far in one
picture.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.trainings import evaluations_to, spread, spread_of_reached, stamp, trained

COLORS = {"BPTT": "tab:blue", "CMA-ES": "tab:orange"}


class Learning(NamedTuple):
    """What is compared.

    Attributes:
        presets: of each method, the experiment.
        seeds: of each method, how many.
        figure, unit: of the metrics, the one that counts, and its unit.
        larger: whether it is to be large.
        marks: values of the figure that the paper reports.
        paper: what the paper reports, in words.
    """

    presets: dict[str, str]
    seeds: dict[str, int]
    figure: str
    unit: str
    larger: bool
    marks: tuple[float, ...]
    paper: str


LEARNINGS = {
    "arm_fixed": Learning(
        {"BPTT": "arm_fixed", "CMA-ES": "arm_fixed_cmaes"},
        {"BPTT": 5, "CMA-ES": 3},
        "end_distance",
        "m",
        False,
        (0.04, 0.01),
        "4 cm after 100 evaluations, 1 cm after 150, about 5 s each; CMA-ES no progress",
    ),
    "arm_random": Learning(
        {"BPTT": "arm_random", "CMA-ES": "arm_random_cmaes"},
        {"BPTT": 2, "CMA-ES": 1},
        "validation_end_distance",
        "m",
        False,
        (0.1, 0.05),
        "10 cm after 576 updates of 128 episodes (73,728 evaluations), 5 cm after 2,563 (328,064), "
        "58 s an update on a GPU",
    ),
    "quadruped_gait": Learning(
        {"BPTT": "quadruped_gait", "CMA-ES": "quadruped_gait_cmaes"},
        {"BPTT": 5, "CMA-ES": 3},
        "speed",
        "m/s",
        True,
        (0.7, 1.17),
        "1.17 m/s after 500 evaluations, about 1 h; a hand-tuned trot 0.7 m/s",
    ),
    "swing_up": Learning(
        {"BPTT": "swing_up"},
        {"BPTT": 5},
        "validation_end_distance",
        "m",
        False,
        (0.3, 0.1),
        "from pixels, after 2,420 episodes",
    ),
}


def curve(learning: Learning, metrics: pd.DataFrame) -> pd.DataFrame:
    """Evaluations and the best figure so far, where the figure is known."""
    known = metrics[metrics[learning.figure].notna()]
    found = known[learning.figure]
    return pd.DataFrame(
        {
            "evaluations": known["evaluations"],
            "best": found.cummax() if learning.larger else found.cummin(),
        }
    )


def summary(learning: Learning, metrics: pd.DataFrame) -> dict[str, float]:
    """One run in numbers; evaluations to a mark are missing where it was not reached."""
    found = curve(learning, metrics)
    after_first = metrics["wall_s"].iloc[-1] - metrics["wall_s"].iloc[0]
    count = metrics["evaluations"].iloc[-1] - metrics["evaluations"].iloc[0]
    iterations = len(metrics) - 1
    row = {
        "evaluations": float(metrics["evaluations"].iloc[-1]),
        "best": float(found["best"].iloc[-1]),
        "seconds": float(metrics["wall_s"].iloc[-1]),
        "seconds_per_iteration": after_first / max(iterations, 1),
        "seconds_per_evaluation": after_first / max(count, 1),
    }
    for mark in learning.marks:
        row[f"to_{mark:g}"] = evaluations_to(found, "best", mark, learning.larger)
    return row


def report(learning: Learning, runs: pd.DataFrame, place: str) -> str:
    """The table for people."""
    sign = "≥" if learning.larger else "<"
    marks = [f"evaluations to {sign} {mark:g} {learning.unit}" for mark in learning.marks]
    head = ["method", "seeds", "evaluations", f"best {learning.figure} [{learning.unit}]", *marks]
    head += ["seconds an iteration", "seconds in all"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for method in learning.presets:
        mine = runs[runs["method"] == method]
        if mine.empty:
            continue
        reached = [spread_of_reached(mine[f"to_{mark:g}"]) for mark in learning.marks]
        row = [method, str(len(mine)), f"{mine['evaluations'].median():,.0f}"]
        row += [spread(mine["best"], 4), *reached]
        row += [spread(mine["seconds_per_iteration"], 2), spread(mine["seconds"], 0)]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(
        [
            *lines,
            "",
            f"Median (smallest to largest) over seeds. The paper: {learning.paper}. Seconds an "
            "iteration are without the first, which compiles; seconds in all are with it.",
            place,
        ]
    )


def draw(learning: Learning, runs: dict[tuple[str, int], pd.DataFrame], path: Path) -> None:
    """Best so far over evaluations: every seed thin, their median bold."""
    figure = Figure(figsize=(7.2, 4.0), layout="constrained")
    axes = figure.subplots()
    for method in learning.presets:
        mine = [curve(learning, found) for (name, _), found in runs.items() if name == method]
        if not mine:
            continue
        for one in mine:
            axes.plot(one["evaluations"], one["best"], color=COLORS[method], alpha=0.3, lw=0.8)
        grid = np.unique(np.concatenate([one["evaluations"] for one in mine]))
        steps = [one.set_index("evaluations")["best"].reindex(grid, method="ffill") for one in mine]
        middle = pd.concat(steps, axis=1).median(axis=1)
        axes.plot(grid, middle, color=COLORS[method], lw=2.2, label=f"{method}, {len(mine)} seeds")
    for mark in learning.marks:
        axes.axhline(mark, color="black", lw=0.7, ls=":")
    if not learning.larger:
        axes.set_yscale("log")
    axes.set(
        xlabel="evaluations (episodes simulated)",
        ylabel=f"best {learning.figure} so far [{learning.unit}]",
        title=learning.presets["BPTT"],
    )
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Make what is missing; write table and picture after every run."""
    if len(sys.argv) < 2 or sys.argv[1] not in LEARNINGS:
        sys.exit(f"usage: python -m benchmarks.learning {{{','.join(LEARNINGS)}}} [folder]")
    name = sys.argv[1]
    learning = LEARNINGS[name]
    root = Path(sys.argv[2] if len(sys.argv) > 2 else "outputs/benchmarks/learning") / name
    runs: dict[tuple[str, int], pd.DataFrame] = {}
    rows = []
    text = ""
    for method, preset in learning.presets.items():
        for seed in range(learning.seeds[method]):
            place = root / f"{preset}_{seed}"
            found = trained(place, f"experiment={preset}", f"seed={seed}")
            runs[method, seed] = found
            rows.append({"method": method, "seed": seed, **summary(learning, found)})
            print(f"{preset}, seed {seed}: {rows[-1]}", flush=True)
            table = pd.DataFrame(rows)
            table.to_csv(root / "runs.csv", index=False)
            text = report(learning, table, stamp(root / f"{learning.presets['BPTT']}_0"))
            (root / "table.md").write_text(f"{text}\n")
            draw(learning, runs, root / "curves.png")
    print(f"\n{text}\n\nEverything is in {root}")


if __name__ == "__main__":
    main()
