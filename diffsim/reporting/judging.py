"""Judges runs by a figure: what they came to, and the way there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from diffsim.reporting.gather import RunFiles
from diffsim.tasks.figures import VALIDATION, Figure, meaning
from diffsim.tasks.table import TASKS


@dataclass(frozen=True)
class Curve:
    """A run's figure, best so far where there is a better way.

    Attributes:
        evaluations, wall_s: where the figure is known, shape (points,).
        values: the best up to there, or the figure itself, shape (points,).
    """

    evaluations: np.ndarray
    wall_s: np.ndarray
    values: np.ndarray


class Contest(NamedTuple):
    """Contest between runs: figures of the same name, of one kind of task and body."""

    kind: str
    body: str
    metric: str
    meaning: Figure

    @property
    def title(self) -> str:
        """Title in one line."""
        return f"{self.kind} ({self.body}): {self.figure}"

    @property
    def figure(self) -> str:
        """The metric with its unit."""
        unit = self.meaning.unit
        return f"{self.metric} [{unit}]" if unit else self.metric


class Judged(NamedTuple):
    """A run and the figure that it is judged by.

    Attributes:
        run: as saved.
        metric: a column of its ``metrics.csv``.
        meaning: of this column.
        final: the last value of it; nan if there is none, or it is not a number.
        best: the best value; nan if there is none, or no better way.
        curve: None without a value.
    """

    run: RunFiles
    metric: str
    meaning: Figure
    final: float
    best: float
    curve: Curve | None

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks about the run, and about values that it cannot be judged by."""
        if self.run.metrics.empty:
            return self.run.notes
        if self.curve is None:
            return (*self.run.notes, f"metrics.csv has no finite {self.metric}: in no picture")
        if lost := int(np.count_nonzero(_lost(self.run, self.metric))):
            return (*self.run.notes, f"metrics.csv has {lost} values of {self.metric} not finite")
        return self.run.notes

    @property
    def figure(self) -> float:
        """Figure of the run: the best, or the last where neither way is better."""
        return self.final if self.meaning.larger is None else self.best


def judged_by(run: RunFiles) -> str:
    """The metric of a run's task, in episodes for validation if there are any."""
    metric = run.manifest.get("judged_by")
    if not isinstance(metric, str):
        kind = _kind_of(run)
        metric = "loss" if kind is None else kind.judged_by
    validated = f"{VALIDATION}{metric}"
    return validated if validated in run.metrics.columns else metric


def figures_of(run: RunFiles) -> Mapping[str, Figure]:
    """Meaning of each figure of a run's task, from its manifest.

    A manifest without them is older: then the task's kind is asked.
    """
    recorded = run.manifest.get("figures")
    if isinstance(recorded, dict):
        return {
            str(name): Figure(str(figure.get("unit", "")), _bool(figure.get("larger")))
            for name, figure in recorded.items()
            if isinstance(figure, dict)
        }
    kind = _kind_of(run)
    figures: Mapping[str, Figure] = {} if kind is None else kind.figures
    return figures


def _kind_of(run: RunFiles) -> Any:
    """The class of a run's task (``tasks.task.Task``), None if it is not known here."""
    return TASKS.get(str(run.config.get("task", {}).get("kind")))


def _bool(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def problem_of(judged: Judged) -> Contest:
    """Contest that a run belongs to."""
    task = judged.run.config["task"]
    return Contest(str(task.get("kind")), str(task.get("body")), judged.metric, judged.meaning)


def _lost(run: RunFiles, metric: str) -> np.ndarray:
    """Rows of a metric's values that are not finite; an empty one of a validation is none."""
    values = run.metrics[metric].to_numpy(float)
    return np.isinf(values) if metric.startswith(VALIDATION) else ~np.isfinite(values)


def judge(run: RunFiles, metric: str) -> Judged:
    """A run's last and best value of a metric, and its way there."""
    means = meaning(metric, figures_of(run))
    nothing = Judged(run, metric, means, float("nan"), float("nan"), None)
    if metric not in run.metrics.columns:
        return nothing
    finite = np.isfinite(run.metrics[metric].to_numpy(float))
    known = run.metrics[finite]  # a validation is not made at every iteration
    if known.empty:
        return nothing
    larger = means.larger
    values = known[metric].to_numpy(float)
    last = run.metrics[metric].to_numpy(float)[-1]
    final = float(last if _lost(run, metric)[-1] else values[-1])
    best = float("nan")
    if larger is not None:
        values = np.maximum.accumulate(values) if larger else np.minimum.accumulate(values)
        best = float(values[-1])
    curve = Curve(known["evaluations"].to_numpy(float), known["wall_s"].to_numpy(float), values)
    return Judged(run, metric, means, final, best, curve)
