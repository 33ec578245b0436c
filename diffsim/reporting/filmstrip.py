"""Pictures of a robot at moments of an episode, side by side: how it moves, at a glance.

Of a gait they show the last stride or so, of anything else the whole episode.

Bodies are drawn in parallel projection, seen from the front right and a little above, from the
trajectory's CSV and the sizes in the run's config. (The camera of the engine ray-traces; this is a
sketch that needs no engine.)
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Polygon

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

FRAMES = 8
STRIDE = 0.8
"""Of a gait, which repeats itself, the end alone is shown [s]."""
AZIMUTH, ELEVATION = math.radians(-65.0), math.radians(12.0)
"""From where it is seen: about the z axis from x, and above the ground."""
LIGHT = np.array([0.3, -0.6, 0.74])
MARGIN = 0.15
"""Around the robot at its widest, as a share of its extent."""


MOST_LINES = 200
"""Largest number of ground lines in each direction, for a robot that is far away."""


def draw_filmstrip(folder: Path, trajectory: pd.DataFrame, path: Path) -> Path | None:
    """Draw a trajectory of a run's robot as a strip of pictures; the path of the PNG.

    A motion that stops being finite is drawn up to there; None if it is not finite at its start.

    Args:
        folder: of the run, for its config and goal.
        trajectory: a row for each time and body.
        path: of the PNG.
    """
    config = read_json(folder, "manifest.json")["config"]
    said, trajectory = cut_off(trajectory), drawable_part(trajectory)
    if trajectory.empty:
        return None
    times = np.sort(trajectory["time"].unique())
    if config["task"]["kind"] == "gait":
        times = times[times > times[-1] - STRIDE]
    chosen = times[np.linspace(0, len(times) - 1, FRAMES).round().astype(int)]
    moments = [trajectory[trajectory["time"] == time] for time in chosen]
    bodies = config["robot"]["bodies"]
    across, up, towards = _view()

    goal = read_goal(folder)
    geoms = [geom for name in moments[0]["body"] for geom in drawn_geoms(name, bodies[name])]
    reaches = [float(np.linalg.norm(geom.position)) + geom.reach for geom in geoms]
    reach = max(reaches)
    screen = np.stack([across, up], axis=1)
    places = [moment[["x", "y", "z"]].to_numpy() for moment in moments]
    widest = max(float(np.ptp(p @ screen, axis=0).max()) for p in places) + 2.0 * reach
    moves = _furthest(trajectory) > widest
    # A robot that leaves its place is followed; one that stays is seen from one place.
    seen = np.concatenate(places if goal is None else [*places, goal[None]])
    shown = seen @ screen
    fixed = 0.5 * (shown.min(axis=0) + shown.max(axis=0))
    extent = widest if moves else float(np.ptp(shown, axis=0).max()) + 2.0 * reach
    half = 0.5 * extent * (1.0 + MARGIN)

    figure = Figure(figsize=(2.0 * FRAMES, 2.5), layout="constrained")
    panels = figure.subplots(1, FRAMES)
    for axes, time, moment, here in zip(panels, chosen, moments, places, strict=True):
        middle = here.mean(axis=0) @ screen if moves else fixed
        _draw_ground(axes, here.mean(axis=0) if moves else seen.mean(axis=0), half)
        if goal is not None:
            axes.plot(*(goal @ screen), "x", color="tab:red", markersize=8)
        for index in np.argsort(here @ towards):
            row = moment.iloc[index]
            for geom in drawn_geoms(row["body"], bodies[row["body"]]):
                _draw_geom(axes, row, geom)
        axes.set(
            xlim=(middle[0] - half, middle[0] + half),
            ylim=(middle[1] - half, middle[1] + half),
            aspect="equal",
            xticks=[],
            yticks=[],
            title=f"{time:.2f} s",
        )
        axes.set_xlabel(f"x = {here[:, 0].mean():.1f} m" if moves else "")
    figure.suptitle(", ".join(filter(None, [config["name"], said])))
    return save_figure(figure, path, dpi=130)


def write_filmstrip(folder: Path) -> Path | None:
    """The filmstrip of the motion after training, in the folder of a run; None without one."""
    return draw_filmstrip(folder, read_trajectory(folder, "after"), folder / "filmstrip.png")


def _view() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors: to the right and up in the picture, and towards the viewer."""
    towards = np.array(
        [
            math.cos(ELEVATION) * math.cos(AZIMUTH),
            math.cos(ELEVATION) * math.sin(AZIMUTH),
            math.sin(ELEVATION),
        ]
    )
    across = np.array([-math.sin(AZIMUTH), math.cos(AZIMUTH), 0.0])
    return across, np.cross(towards, across), towards


def _furthest(trajectory: pd.DataFrame) -> float:
    """Largest horizontal distance of the robot's middle from its start [m]."""
    middle = trajectory.groupby("time")[["x", "y"]].mean().to_numpy()
    return float(np.linalg.norm(middle - middle[0], axis=1).max())


def _draw_ground(axes: Axes, center: np.ndarray, half: float) -> None:
    """Lines on the plane z = 0, half a metre apart; further where there would be too many."""
    across, up, _ = _view()
    extent = 3.0 * half
    apart = 0.5 * max(1.0, 2.0 ** math.ceil(math.log2(4.0 * extent / MOST_LINES)))
    for direction in (0, 1):
        other = 1 - direction
        first = math.floor((center[other] - extent) / apart)
        last = math.ceil((center[other] + extent) / apart)
        for number in range(first, last + 1):
            line = np.zeros((2, 3))
            line[:, other] = apart * number
            line[:, direction] = center[direction] + np.array([-extent, extent])
            axes.plot(line @ across, line @ up, color="0.85", linewidth=0.6, zorder=0)


def _draw_geom(axes: Axes, row: pd.Series, geom: DrawnGeom) -> None:
    across, up, towards = _view()
    turned = row[list(ROTATION)].to_numpy(float).reshape(3, 3)
    place = row[["x", "y", "z"]].to_numpy(float) + turned @ geom.position
    if geom.shape == "sphere":
        middle = (place @ across, place @ up)
        axes.add_patch(
            Circle(middle, geom.size[0], facecolor="tab:orange", edgecolor="0.2", linewidth=0.6)
        )
        return
    rotation = turned @ geom.rotation
    size = 0.5 * np.asarray(geom.size)
    for axis in range(3):
        for sign in (-1.0, 1.0):
            normal = sign * rotation[:, axis]
            if normal @ towards <= 0.0:
                continue
            first, second = ((axis + 1) % 3, (axis + 2) % 3)
            corners = []
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                offset = np.zeros(3)
                offset[axis], offset[first], offset[second] = sign, a, b
                corner = place + rotation @ (offset * size)
                corners.append((corner @ across, corner @ up))
            shade = 0.55 + 0.4 * max(0.0, float(normal @ LIGHT))
            color = tuple(shade * np.array([0.45, 0.65, 0.9]))
            axes.add_patch(Polygon(corners, facecolor=color, edgecolor="0.2", linewidth=0.6))
