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
    ROTATION,
    cut_off,
    drawable_part,
    read_goal,
    read_json,
    read_trajectory,
    save_figure,
)
from diffsim.reporting.surfaces import DrawnGeom, drawn_geoms

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
        geoms = drawn_geoms(str(name), config["robot"]["bodies"][name])
        every = max(1, len(path) // _OUTLINES)
        for geom in (geom for geom in geoms if geom.shape == "sphere"):
            for shown in [*range(0, len(path) - 1, every), len(path) - 1]:
                _draw_sphere(axes, path.iloc[shown], geom, color, last=shown == len(path) - 1)
    if goal is not None:
        place = (goal[0], goal[2])
        axes.plot(*place, marker="^", markersize=9, color="tab:red", clip_on=False)
        axes.annotate(
            "target", place, (0, -18), textcoords="offset points", ha="center", color="tab:red"
        )
    axes.set(xlabel="x [m]", aspect="equal")
    axes.margins(x=0.08, y=0.1)


def _draw_sphere(axes: Axes, row: pd.Series, geom: DrawnGeom, color: str, last: bool) -> None:
    alpha, radius = 1.0 if last else 0.35, geom.size[0]
    place = row[["x", "y", "z"]].to_numpy(float)
    place = place + row[list(ROTATION)].to_numpy(float).reshape(3, 3) @ geom.position
    centre = (place[0], place[2])
    axes.add_patch(
        Circle(centre, radius, fill=last, facecolor="white", edgecolor=color, alpha=alpha)
    )
    # The body's own z axis, projected.
    tip = (centre[0] + radius * row["r_xz"], centre[1] + radius * row["r_zz"])
    axes.plot([centre[0], tip[0]], [centre[1], tip[1]], color=color, alpha=alpha, linewidth=1)
