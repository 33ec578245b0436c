"""Learning curves of groups of runs side by side, as a picture."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffsim.reporting.figure_file import save_figure
from diffsim.reporting.groups import Comparison, RunGroup
from diffsim.reporting.report_tables import MOST_COLUMNS

GRID = 400
"""Most points of a group's curve."""

MOST_GROUPS = 8
"""In one picture; of more, the best."""

AXES = {"evaluations": "evaluations (episodes simulated)", "wall_s": "seconds, with compilation"}

WIDE = 10.0
"""An axis whose numbers are further apart than this is logarithmic: how long groups went on."""

LEGEND_WIDTH, LEGEND_GAP = 150, 8
"""Characters in a row of the legend, and what a line's sample and the gap take of them."""

LONGEST_LABEL = 100
"""Characters of what tells a group from others in the legend; all of it is in the tables."""

COLORS = (
    *("tab:blue", "tab:orange", "tab:green", "tab:red"),
    *("tab:purple", "tab:brown", "tab:pink", "black"),
)


class Band(NamedTuple):
    """A group's curve: arrays of shape (points,).

    Attributes:
        x: evaluations or seconds.
        median, smallest, largest: over runs, each of which keeps its best after its end.
    """

    x: np.ndarray
    median: np.ndarray
    smallest: np.ndarray
    largest: np.ndarray


def band(group: RunGroup, axis: str) -> Band:
    """The median over a group's runs that have a curve, along "evaluations" or "wall_s".

    It goes as far as at least half of the runs went. A run that ended before keeps its last value,
    one that has none yet counts as the worst, so that the median does not jump as runs come and go;
    it does not count where neither way is better.
    """
    curves = [member.curve for member in group.members if member.curve is not None]
    places: list[np.ndarray] = [getattr(curve, axis) for curve in curves]
    ends = np.sort([place[-1] for place in places])
    x = np.unique(np.concatenate(places))
    x = x[x <= ends[len(ends) // 2]]
    if len(x) > GRID:
        x = x[np.linspace(0, len(x) - 1, GRID).round().astype(int)]
    larger = group.members[0].meaning.larger
    worst = np.nan if larger is None else -np.inf if larger else np.inf
    table = np.empty((len(curves), len(x)))
    for row, curve, place in zip(table, curves, places, strict=True):
        index = np.searchsorted(place, x, side="right") - 1
        row[:] = np.where(index < 0, worst, curve.values[index])
    middle = np.nanmedian(table, axis=0)
    drawn = np.isfinite(middle)
    table, x = table[:, drawn], x[drawn]
    if larger is not None:
        values = np.concatenate([curve.values for curve in curves])
        table = np.where(np.isfinite(table), table, values.min() if larger else values.max())
    return Band(x, middle[drawn], np.nanmin(table, axis=0), np.nanmax(table, axis=0))


def plot_curves(comparison: Comparison, path: Path) -> list[str]:
    """Draw the medians of groups, and bands from the smallest to the largest of their runs.

    Over evaluations on the left, over seconds on the right.

    Args:
        comparison: at least one of its groups has a curve.
        path: of the PNG.

    Returns:
        What is to be said about the picture.
    """
    groups = [g for g in comparison.groups if any(m.curve is not None for m in g.members)]
    shown, problem = groups[:MOST_GROUPS], comparison.problem
    heading, labels = _legend(comparison, shown)
    columns = max(1, min(4, LEGEND_WIDTH // (max(map(len, labels)) + LEGEND_GAP)))
    rows = math.ceil(len(labels) / columns) + bool(heading)
    figure = Figure(figsize=(11.0, 4.2 + 0.22 * rows), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, axis in zip(panels, AXES, strict=True):
        bands = [band(group, axis) for group in shown]
        for found, color, label in zip(bands, COLORS, labels, strict=False):
            _draw(axes, found, color, label, min(0.15, 0.4 / len(shown)))
        axes.set_xlabel(AXES[axis])
        if _is_wide(bands):
            axes.set_xscale("log")
        axes.grid(alpha=0.3)
    larger = problem.meaning.larger
    drawn = np.concatenate([line.get_ydata() for axes in panels for line in axes.lines])
    if larger is False and (drawn > 0.0).all():
        panels[0].set_yscale("log")
    panels[0].set_ylabel(problem.figure if larger is None else f"best so far: {problem.figure}")
    figure.suptitle(f"{problem.kind} ({problem.body})")
    handles, texts = panels[0].get_legend_handles_labels()
    title = heading or None
    figure.legend(handles, texts, title=title, loc="outside lower center", ncols=columns)
    save_figure(figure, path, dpi=110)
    if len(groups) > len(shown):
        return [f"the best {len(shown)} of {len(groups)} groups, by the median"]
    return []


def _legend(comparison: Comparison, groups: Sequence[RunGroup]) -> tuple[str, list[str]]:
    """The key in which groups differ, if it is one, and a text for each group."""
    telling, labels = comparison.telling, []
    for group in groups:
        label = textwrap.shorten(comparison.label(group), LONGEST_LABEL, placeholder=" …")
        numbered = f"{group.number}: {label}" if len(telling) > MOST_COLUMNS else label
        seeds = f"{group.seeds} seed{'s' if group.seeds > 1 else ''}"
        labels.append(f"{numbered} ({seeds})" if label else seeds)
    return comparison.keys[telling[0]] if len(telling) == 1 else "", labels


def _draw(axes: Axes, found: Band, color: str, label: str, shade: float) -> None:
    """One group; its band has this opacity, so that those of others can be seen through it."""
    axes.step(found.x, found.median, where="post", color=color, linewidth=1.8, label=label)
    axes.plot(found.x[-1:], found.median[-1:], "o", color=color, markersize=5)
    edges = (found.smallest, found.largest)
    for values in edges:
        axes.step(found.x, values, where="post", color=color, linewidth=0.6, alpha=0.5)
    axes.fill_between(found.x, *edges, step="post", color=color, alpha=shade, linewidth=0)


def _is_wide(bands: Sequence[Band]) -> bool:
    """Return whether some groups went on so much longer that others would be squeezed."""
    ends = [found.x[-1] for found in bands]
    return max(ends) > WIDE * min(ends) and min(found.x[0] for found in bands) > 0.0
