"""The report's pictures: learning curves by both methods, Table 1, and what was learned."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.paper.rows import Runs
from diffsim.runs.folder import RunFolder


class Curves(NamedTuple):
    """Curves of one picture.

    Attributes:
        name: of the PNG.
        title: above it.
        parts: of each method, which runs.
        figure: the column of ``metrics.csv``.
        label: of its axis.
        more: whether more is better.
        marks: values that the paper reports.
        logarithmic: which axes are.
    """

    name: str
    title: str
    parts: dict[str, str]
    figure: str
    label: str
    more: bool = False
    marks: tuple[float, ...] = ()
    logarithmic: str = "y"


ALL_CURVES = (
    Curves(
        "ball_curves",
        "Throwing a ball",
        {"BPTT, Adam": "ball_adam", "BPTT, LM": "ball_lm", "CMA-ES": "ball_cmaes"},
        "loss",
        "best loss so far",
        logarithmic="xy",
    ),
    Curves(
        "arm_fixed_curves",
        "Arm to a fixed point",
        {"BPTT": "arm_fixed", "CMA-ES": "arm_fixed_cmaes"},
        "end_distance",
        "best distance so far [m]",
        marks=(0.04, 0.01),
        logarithmic="xy",
    ),
    Curves(
        "arm_random_curves",
        "Arm to any point, targets not trained on",
        {"BPTT": "arm_random", "CMA-ES": "arm_random_cmaes"},
        "validation_end_distance",
        "best mean distance so far [m]",
        marks=(0.1, 0.05),
    ),
    Curves(
        "gait_curves",
        "Quadruped's gait",
        {"BPTT": "quadruped_gait", "CMA-ES": "quadruped_gait_cmaes"},
        "speed",
        "best speed so far [m/s]",
        more=True,
        marks=(1.17,),
        logarithmic="",
    ),
    Curves(
        "pendulum_curves",
        "Pendulum, from hanging, in validation",
        {"from pixels": "pendulum_camera", "from joint sensors": "pendulum_state"},
        "validation_end_distance",
        "best distance from upright so far [m]",
        marks=(0.1,),
    ),
)
COLORS = ("tab:blue", "tab:orange", "tab:green")
STRIPS = {"arm_fixed": "arm", "arm_random": "arm_random", "quadruped_gait": "gait"}


def draw_all(runs: Runs, folder: Path) -> dict[str, str]:
    """Draw what there is something for; captions by the names of the PNGs."""
    folder.mkdir(parents=True, exist_ok=True)
    captions = {}
    for curves in ALL_CURVES:
        if any(runs.names(part) for part in curves.parts.values()):
            _draw_curves(runs, curves, folder / f"{curves.name}.png")
            captions[curves.name] = f"{curves.title}: {curves.label}"
    if (table := runs.table1()) is not None:
        _draw_table1(table, folder / "table1.png")
        captions["table1"] = "Seconds of computing for 10 simulated seconds"
    for part, name in STRIPS.items():
        if best := best_of(runs, part):
            shutil.copy(runs.folder / best / "filmstrip.png", folder / f"{name}_strip.png")
            captions[f"{name}_strip"] = f"Eight moments of {best}"
    if first := runs.names("ball_adam")[:1]:  # the one from zero, as the paper's
        shutil.copy(runs.folder / first[0] / "trajectory.png", folder / "ball_path.png")
        captions["ball_path"] = f"Path of the ball before and after training, {first[0]}"
    best = best_of(runs, "pendulum_camera")
    if best and (film := runs.evaluation(best, "film") / "pictures.png").exists():
        shutil.copy(film, folder / "pendulum_strip.png")
        captions["pendulum_strip"] = f"What the controller of {best} sees"
    return captions


def best_of(runs: Runs, part: str) -> str | None:
    """The run with the lowest loss at its best point, None if there is none."""
    names = runs.names(part)
    return min(names, key=lambda name: _loss(runs.folder / name)) if names else None


def _loss(folder: Path) -> float:
    return float(RunFolder(folder).result()["loss"])


def _draw_curves(runs: Runs, curves: Curves, path: Path) -> None:
    """Best so far over evaluations: every run thin, their median bold."""
    figure = Figure(figsize=(7.2, 4.0), layout="constrained")
    axes = figure.subplots()
    for color, (method, part) in zip(COLORS, curves.parts.items(), strict=False):
        found = [_best_so_far(runs.metrics(name), curves) for name in runs.names(part)]
        if not found:
            continue
        for one in found:
            axes.plot(one.index, one, color=color, alpha=0.3, lw=0.8)
        grid = np.unique(np.concatenate([one.index for one in found]))
        steps = [one.reindex(grid, method="ffill") for one in found]
        middle = pd.concat(steps, axis=1).median(axis=1)
        count = f", {len(found)} runs" if len(found) > 1 else ""
        axes.plot(grid, middle, color=color, lw=2.2, label=f"{method}{count}")
    for mark in curves.marks:
        axes.axhline(mark, color="black", lw=0.8, ls=":")
    if "x" in curves.logarithmic:
        axes.set_xscale("log")
    if "y" in curves.logarithmic:
        axes.set_yscale("log")
    axes.set(xlabel="evaluations (episodes simulated)", ylabel=curves.label, title=curves.title)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


def _best_so_far(metrics: pd.DataFrame, curves: Curves) -> pd.Series:
    known = metrics.set_index("evaluations")[curves.figure].dropna()
    return known.cummax() if curves.more else known.cummin()


def _draw_table1(table: pd.DataFrame, path: Path) -> None:
    figure = Figure(figsize=(7.2, 4.0), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(table))
    for offset, column, label, color in (
        (-0.27, "paper_cpu_s", "the paper, CPU", "0.45"),
        (0.0, "paper_gpu_s", "the paper, GPU", "0.75"),
        (0.27, "median_s", "diffsim", "tab:blue"),
    ):
        axes.bar(places + offset, table[column], 0.27, label=label, color=color)
    axes.set_yscale("log")
    names = [
        f"{cell.robots} × {cell.controller}\n{'gradient' if cell.gradient else 'forward'}"
        for cell in table.itertuples()
    ]
    axes.set_xticks(places, names, fontsize=7)
    axes.set(ylabel="seconds", title="10 s of the quadruped in closed loop, 1,000 time steps")
    axes.legend()
    axes.grid(axis="y", alpha=0.3)
    figure.savefig(path, dpi=110)
