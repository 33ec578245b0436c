"""Writes folders as runs leave them, without a training: for reports, quickly."""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diffsim.cli.configuration import compose_config
from diffsim.experiment.manifest import figures_record
from diffsim.robots.load import load_robot
from diffsim.robots.surfaces import surfaces_record
from diffsim.tasks.table import TASKS

HEADER = "iteration,evaluations,wall_s,loss,grad_norm,clipped,non_finite"
COMMIT = "0123456789abcdef"


def config_of(*overrides: str) -> dict[str, Any]:
    """The config that a manifest of ``diffsim-run`` with these overrides has."""
    return json.loads(json.dumps(dataclasses.asdict(compose_config(*overrides))))


def changed(config: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A copy with some values replaced, keys written with "__" for "."."""
    result = copy.deepcopy(config)
    for key, value in values.items():
        *path, last = key.split("__")
        place = result
        for name in path:
            place = place[name]
        place[last] = value
    return result


def descent(rows: int, start: float = 100.0, rate: float = 0.1) -> list[float]:
    """Losses that fall."""
    return [start * math.exp(-rate * row) for row in range(rows)]


@functools.cache
def _surfaces(robot: str) -> dict[str, Any]:
    """The record of a robot's surfaces, from its part of a manifest."""
    return surfaces_record(load_robot(json.loads(robot)))


def write_run(
    folder: Path,
    config: dict[str, Any],
    losses: Sequence[float],
    *,
    evaluations: int = 1,
    seconds: float = 0.5,
    compiling: float = 3.0,
    figures: Mapping[str, Sequence[float | None]] | None = None,
    status: str = "finished",
    reason: str = "",
    succeeded: bool | None = True,
    manifest: dict[str, Any] | None = None,
) -> Path:
    """A run's manifest, status, metrics and, unless ``succeeded`` is None, result.

    Args:
        folder: is made.
        config: of the manifest.
        losses: one for each iteration.
        evaluations, seconds: of each iteration.
        compiling: seconds before the first.
        figures: columns of the task, None where one is not known.
        status, reason: of ``status.json``.
        succeeded: of ``result.json``.
        manifest: what is different in the rest of the manifest.
    """
    folder.mkdir(parents=True)
    figures = figures or {}
    lines = [",".join([HEADER, *figures])]
    for number, loss in enumerate(losses, start=1):
        cells = [number, number * evaluations, f"{compiling + number * seconds:.3f}", repr(loss)]
        cells += ["", "", 0]
        known = [values[number - 1] for values in figures.values()]
        cells += ["" if value is None else repr(value) for value in known]
        lines.append(",".join(map(str, cells)))
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    content = {
        "created": "2026-01-31T12:00:00+00:00",
        "config": config,
        "device": {"platform": "cpu", "kind": "cpu"},
        "machine": {"processor": "Abacus", "cores": 2},
        "python": "3.11.7",
        "versions": {"diffsim": "0.1.0", "jax": "0.10.2"},
        "git": {"commit": COMMIT, "dirty": False},
        **figures_record(TASKS[config["task"]["kind"]]),
    }
    (folder / "manifest.json").write_text(json.dumps(content | (manifest or {})))
    (folder / "surfaces.json").write_text(json.dumps(_surfaces(json.dumps(config["robot"]))))
    (folder / "status.json").write_text(json.dumps({"status": status, "reason": reason}))
    if succeeded is not None:
        result = {
            "succeeded": succeeded,
            "iterations": len(losses),
            "evaluations": len(losses) * evaluations,
            "wall_s": compiling + len(losses) * seconds,
            "loss": min(losses),
            "metrics": {"position_error": 0.01, "spin_error": "inf"},
            "variables": {},
            "goal": None,
        }
        (folder / "result.json").write_text(json.dumps(result))
    return folder
