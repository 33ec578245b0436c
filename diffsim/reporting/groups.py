"""Finds out which runs belong together, and in what groups of them differ."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffsim.reporting.differences import (
    differing_keys,
    identity,
    known_keys,
    short_texts,
    telling_keys,
)
from diffsim.reporting.gather import RunFiles
from diffsim.reporting.judging import Contest, Judged, judge, judged_by, problem_of
from diffsim.reporting.texts import NOTHING
from diffsim.runs.salvage import AXES
from diffsim.validation import ConfigError


@dataclass(frozen=True)
class RunGroup:
    """Runs that agree in all keys by which runs are grouped.

    Attributes:
        number: counted from 1 over all groups of a report.
        values: of the keys, in short words.
        members: in the order of their folders.
    """

    number: int
    values: tuple[str, ...]
    members: tuple[Judged, ...]

    @property
    def metric(self) -> str:
        """The figure that its runs are judged by."""
        return self.members[0].metric

    @property
    def seeds(self) -> int:
        """Number of different seeds of the runs."""
        return len({member.run.config.get("seed") for member in self.members})

    @property
    def succeeded(self) -> int:
        """Number of runs that met their task's goal."""
        return sum(member.run.succeeded is True for member in self.members)

    @property
    def finished(self) -> int:
        """Number of runs that came to their end."""
        return sum(member.run.status == "finished" for member in self.members)

    @property
    def figures(self) -> np.ndarray:
        """Figures of the runs, those without a value left out, shape (runs,)."""
        found = np.array([member.figure for member in self.members])
        return found[~np.isnan(found)]


@dataclass(frozen=True)
class Comparison:
    """The groups of one problem.

    Attributes:
        problem: what is compared.
        differing: keys in which the configs of its runs differ.
        keys: those of them that tell the groups apart, or those that were asked for.
        groups: the best first.
    """

    problem: Contest
    differing: tuple[str, ...]
    keys: tuple[str, ...]
    groups: tuple[RunGroup, ...]

    @property
    def telling(self) -> list[int]:
        """Select the keys that do not have the same value in all groups."""
        columns = range(len(self.keys))
        return [i for i in columns if len({group.values[i] for group in self.groups}) > 1]

    def label(self, group: RunGroup) -> str:
        """Label that tells a group from the others; empty if it is the only one.

        Its value if they differ in one key, the values by name if in several.
        """
        names = [self.keys[column].rpartition(".")[-1] for column in self.telling]
        if len(set(names)) < len(names):
            names = [self.keys[column] for column in self.telling]
        values = [group.values[column] for column in self.telling]
        if len(values) > 1:
            named = zip(names, values, strict=True)
            values = [f"{name} {value}" for name, value in named if value != NOTHING] or [NOTHING]
        return ", ".join(values)


def compare(
    runs: Sequence[RunFiles], metric: str | None, by: Sequence[str] | None
) -> list[Comparison]:
    """Judge and group runs that have a config; problems in the order of their first runs.

    Args:
        runs: with a config.
        metric: a column of ``metrics.csv``, None for what each one's task is judged by.
        by: keys of the configs, None for those that differ.

    Raises:
        ConfigError: if no run has such a metric or key.
    """
    if metric is not None:
        _check_metric(metric, runs)
    if by is not None:
        _check_keys(by, [run.config for run in runs])
    problems: dict[Contest, list[Judged]] = {}
    for run in runs:
        judged = judge(run, metric or judged_by(run))
        problems.setdefault(problem_of(judged), []).append(judged)
    found: list[Comparison] = []
    for problem, members in problems.items():
        number = sum(len(comparison.groups) for comparison in found) + 1
        found.append(_comparison(problem, members, by, number))
    return found


def _comparison(
    problem: Contest, runs: Sequence[Judged], by: Sequence[str] | None, number: int
) -> Comparison:
    configs = [one.run.config for one in runs]
    differing = differing_keys(configs)
    keys = telling_keys(configs, differing) if by is None else by
    texts = zip(*(short_texts(configs, key) for key in keys), strict=True)
    values = list(texts) if keys else [()] * len(runs)
    together: dict[Hashable, list[int]] = {}
    for index, config in enumerate(configs):
        same = identity(config, differing if by is None else by)
        together.setdefault(same, []).append(index)
    groups = [
        (values[members[0]], tuple(runs[index] for index in members))
        for members in together.values()
    ]
    groups.sort(key=lambda group: _rank(group[1]))
    return Comparison(
        problem,
        tuple(differing),
        tuple(keys),
        tuple(RunGroup(number + place, *group) for place, group in enumerate(groups)),
    )


def _rank(runs: Sequence[Judged]) -> float:
    """Rank a group, the best first, by its runs' median; without a value, last.

    All the same where neither way is better.
    """
    figures = [one.figure for one in runs if not np.isnan(one.figure)]
    if not figures:
        return np.inf
    larger, middle = runs[0].meaning.larger, float(np.median(figures))
    return 0.0 if larger is None else -middle if larger else middle


def _check_metric(metric: str, runs: Sequence[RunFiles]) -> None:
    columns = dict.fromkeys(str(name) for run in runs for name in run.metrics.columns)
    allowed = [name for name in columns if name not in AXES]
    if metric not in allowed:
        raise ConfigError(f"metric must be one of {', '.join(allowed)}, got '{metric}'")


def _check_keys(keys: Sequence[str], configs: Sequence[dict[str, Any]]) -> None:
    known = known_keys(configs)
    for key in keys:
        if key not in known:
            some = ", ".join(differing_keys(configs)) or "seed"
            raise ConfigError(
                f"group_by must be keys of the runs' configs, as those that differ ({some}), or "
                f"any other that their manifest.json has, got '{key}'"
            )
