"""The learning curve of one run as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from diffsim.reporting.figure_file import save_figure
from diffsim.runs.folder import RunFolder

COMMON = ("iteration", "evaluations", "wall_s", "loss", "grad_norm", "clipped", "non_finite")


def plot_learning_curve(folder: Path) -> Path:
    """Draw loss and the task's figures over iterations; the path of the PNG.

    Numbers that are not finite are left out; how many losses are is said.
    """
    run = RunFolder(folder)
    metrics = run.metrics()
    numbers = metrics.drop(columns=list(COMMON)).columns.insert(0, "loss")
    metrics[numbers] = metrics[numbers].where(np.isfinite(metrics[numbers]))
    lost = int(metrics["loss"].isna().sum())
    said = f", {lost} not finite" if lost else ""
    name = run.manifest()["config"]["name"]
    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)

    marker = "." if len(metrics) <= 100 else ""
    left.plot(metrics["iteration"], metrics["loss"], marker=marker, color="black")
    left.set(title=f"{name}: loss{said}", xlabel="iteration", ylabel="loss")
    figures = metrics.columns.drop(list(COMMON))
    for column in figures:
        known = metrics[metrics[column].notna()]  # a validation is not made at every iteration
        right.plot(known["iteration"], known[column], marker=marker, label=column)
    right.set(title="the task's figures", xlabel="iteration")

    if (metrics["loss"].dropna() > 0).all() and lost < len(metrics):
        left.set_yscale("log")
    known = metrics[figures].ffill()
    last = float(known.iloc[-1].min())  # of those that are known
    if (known.fillna(0.0) >= 0).all(axis=None) and last > 0:
        # A figure that is zero by chance, as of a ball that was not thrown yet, is cut off.
        right.set_yscale("log")
        right.set_ylim(bottom=0.1 * last)
    if len(figures):
        right.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)

    return save_figure(figure, folder / "learning_curve.png", dpi=110)
