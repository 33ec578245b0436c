"""Trajectories before and after training, seen from the side, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from diffsim.reporting.run_files import (
    cut_off,
    drawable_part,
    read_goal,
    read_json,
    read_trajectory,
    save_figure,
)

_OUTLINES = 24
"""About how many outlines of a body are drawn along its path."""


def plot_trajectories(folder: Path) -> Path:
    """Draw every body's path in the x–z plane before and after training; the path of the PNG.

    A motion that stops being finite is drawn up to there.

    Spheres are drawn to scale at equal time intervals, with a spoke that shows how they turn.
    """
    config, goal = read_json(folder, "manifest.json")["config"], read_goal(folder)
    figure = Figure(figsize=(11.0, 5.2), layout="constrained")
    tables = {which: read_trajectory(folder, which) for which in ("before", "after")}
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, (which, table) in zip(panels, tables.items(), strict=True):
        _draw(axes, drawable_part(table), config, goal)
        axes.set_title(", ".join(filter(None, [f"{which} training", cut_off(table)])))
    panels[0].set_ylabel("z [m]")
    figure.suptitle(config["name"])
    return save_figure(figure, folder / "trajectory.png", dpi=110)


def _draw(axes: Axes, table: pd.DataFrame, config: dict[str, Any], goal: np.ndarray | None) -> None:
    axes.axhline(0.0, color="0.3", linewidth=1.5)
    for number, (name, path) in enumerate(table.groupby("body", sort=False)):
        color = f"C{number}"
        axes.plot(path["x"], path["z"], color=color, linewidth=1.2)
        body = config["robot"]["bodies"][name]
        if body["shape"] != "sphere":
            continue
        every = max(1, len(path) // _OUTLINES)
        for shown in [*range(0, len(path) - 1, every), len(path) - 1]:
            _draw_sphere(axes, path.iloc[shown], body["radius"], color, last=shown == len(path) - 1)
    if goal is not None:
        place = (goal[0], goal[2])
        axes.plot(*place, marker="^", markersize=9, color="tab:red", clip_on=False)
        axes.annotate(
            "target", place, (0, -18), textcoords="offset points", ha="center", color="tab:red"
        )
    axes.set(xlabel="x [m]", aspect="equal")
    axes.margins(x=0.08, y=0.1)


def _draw_sphere(axes: Axes, row: pd.Series, radius: float, color: str, last: bool) -> None:
    alpha = 1.0 if last else 0.35
    centre = (row["x"], row["z"])
    axes.add_patch(
        Circle(centre, radius, fill=last, facecolor="white", edgecolor=color, alpha=alpha)
    )
    # The body's own z axis, projected.
    tip = (row["x"] + radius * row["r_xz"], row["z"] + radius * row["r_zz"])
    axes.plot([centre[0], tip[0]], [centre[1], tip[1]], color=color, alpha=alpha, linewidth=1)
