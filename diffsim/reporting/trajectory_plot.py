"""Trajectories before and after training, seen from the side, as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from scipy.spatial import ConvexHull

from diffsim.reporting.figure_file import save_figure
from diffsim.reporting.motion import ROTATION, cut_off, drawable_part
from diffsim.reporting.surfaces import DrawnSurface, drawn_surfaces
from diffsim.runs.folder import RunFolder

_OUTLINES = 24
"""About how many outlines are drawn along the path of a robot that is a single body."""


def plot_trajectories(folder: Path) -> Path:
    """Draw every body's path in the x–z plane before and after training; the path of the PNG.

    A motion that stops being finite is drawn up to there.

    Outlines are drawn to scale at the end and, of a robot that is a single body, at equal time
    intervals, with a spoke that shows how it turns.
    """
    run = RunFolder(folder)
    surfaces, goal = drawn_surfaces(run.surfaces()), run.goal()
    figure = Figure(figsize=(11.0, 5.2), layout="constrained")
    tables = {which: run.trajectory(which) for which in ("before", "after")}
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, (which, table) in zip(panels, tables.items(), strict=True):
        _draw(axes, drawable_part(table), surfaces, goal)
        axes.set_title(", ".join(filter(None, [f"{which} training", cut_off(table)])))
    panels[0].set_ylabel("z [m]")
    figure.suptitle(run.manifest()["config"]["name"])
    return save_figure(figure, folder / "trajectory.png", dpi=110)


def _draw(
    axes: Axes, table: pd.DataFrame, surfaces: list[DrawnSurface], goal: np.ndarray | None
) -> None:
    axes.axhline(0.0, color="0.3", linewidth=1.5)
    bodies = table.groupby("body", sort=False)
    for number, (name, path) in enumerate(bodies):
        color, last = f"C{number}", len(path) - 1
        axes.plot(path["x"], path["z"], color=color, linewidth=1.2)
        every = max(1, len(path) // _OUTLINES) if len(bodies) == 1 else last + 1
        for surface in (surface for surface in surfaces if surface.body == name):
            for shown in [*range(0, last, every), last]:
                _draw_outline(axes, path.iloc[shown], surface, color, last=shown == last)
    if goal is not None:
        place = (goal[0], goal[2])
        axes.plot(*place, marker="^", markersize=9, color="tab:red", clip_on=False)
        axes.annotate(
            "target", place, (0, -18), textcoords="offset points", ha="center", color="tab:red"
        )
    axes.set(xlabel="x [m]", aspect="equal")
    axes.margins(x=0.08, y=0.1)


def _draw_outline(
    axes: Axes, row: pd.Series, surface: DrawnSurface, color: str, last: bool
) -> None:
    alpha = 1.0 if last else 0.35
    rotation = row[list(ROTATION)].to_numpy(float).reshape(3, 3)
    corners = surface.at(row[["x", "y", "z"]].to_numpy(float), rotation)[:, [0, 2]]
    # Joggled: seen from its edge, a flat surface is a line.
    outline = corners[ConvexHull(corners, qhull_options="QJ").vertices]
    axes.add_patch(Polygon(outline, fill=last, facecolor="white", edgecolor=color, alpha=alpha))
    # The surface's own z axis, projected.
    axis = rotation @ surface.rotation[:, 2] * surface.vertices[:, 2].max()
    centre = corners.mean(axis=0)
    tip = centre + axis[[0, 2]]
    axes.plot([centre[0], tip[0]], [centre[1], tip[1]], color=color, alpha=alpha, linewidth=1)
