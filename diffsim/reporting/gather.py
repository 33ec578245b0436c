"""Finds runs below folders and reads what their files say, whole or not.

Nothing that is wrong with a run's files stops the others: it becomes a note.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from diffsim.runs.folder import RunFolder
from diffsim.runs.salvage import read_whole_rows, try_json

TRAINING_KEYS = ("robot", "task", "optimizer", "variables")
"""What the config of a training has; a manifest of something else has not all of them."""

RUNNING = "running (or killed)"
"""A process that is killed cannot say so."""


@dataclass(frozen=True)
class RunFiles:
    """Contents of the files of one run.

    Attributes:
        folder: of the run.
        place: the same, from what all runs have in common, for tables.
        config: of its manifest, with the platform that was found; empty if that cannot be read.
        manifest: the rest of it.
        status: finished, diverged, failed, interrupted, "running (or killed)" or unknown.
        result: of ``result.json``, empty without one.
        metrics: the whole rows of ``metrics.csv``, shape (iterations, columns).
        notes: what is missing, damaged or went wrong.
    """

    folder: Path
    place: str
    config: dict[str, Any]
    manifest: dict[str, Any]
    status: str
    result: dict[str, Any]
    metrics: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def succeeded(self) -> bool | None:
        """Success of the run, None if that is not known."""
        found = self.result.get("succeeded")
        if isinstance(found, bool):
            return found
        return False if self.status in ("diverged", "failed") else None


class LeftOut(NamedTuple):
    """A folder that looks like a run's, and why it is none."""

    place: str
    reason: str


class Gathered(NamedTuple):
    """Runs in the order of their folders, and what was left out."""

    runs: list[RunFiles]
    left_out: list[LeftOut]


def gather(folders: list[Path]) -> Gathered:
    """Read all runs in and below some folders, each once."""
    left_out: list[LeftOut] = []
    found = {path.resolve() for folder in folders for path in _candidates(folder, left_out)}
    base = os.path.commonpath([folder.resolve() for folder in folders])
    runs = []
    for path in sorted(found, key=in_order):
        place = os.path.relpath(path, base)
        run = RunFolder(path)
        manifest, problem = try_json(run.manifest_path)
        config = manifest.pop("config", None)
        others = (run.metrics_path, run.status_path, run.result_path)
        has_files = any(file.exists() for file in others)
        if not problem and not _is_training(config):
            continue  # of a benchmark, or of another program
        if problem and not has_files:
            left_out.append(LeftOut(place, problem))
        else:
            config = _with_found_device(config or {}, manifest)
            runs.append(_read(run, place, manifest, config, problem))
    return Gathered(runs, left_out)


def _candidates(folder: Path, left_out: list[LeftOut]) -> Iterator[Path]:
    """Folders with a manifest, and those that have lost theirs; none within a run."""

    def unreadable(error: OSError) -> None:
        left_out.append(LeftOut(str(error.filename), f"cannot be read ({error.strerror})"))

    for name, below, files in os.walk(folder, onerror=unreadable):
        is_run = "manifest.json" in files or {"metrics.csv", "status.json"} <= set(files)
        if is_run:
            yield Path(name)
        # Checkpoints and evaluations are parts of a run. A benchmark's folder may have runs below.
        hidden = {part for part in below if part.startswith(".")}
        parts = {"checkpoints", "evaluations"} if is_run else set()
        below[:] = [part for part in below if part not in hidden | parts]


def _with_found_device(config: dict[str, Any], manifest: dict[str, Any]) -> dict[str, Any]:
    """The config with the platform that ``device=auto`` has found, which is what counts."""
    found = manifest.get("device")
    if not isinstance(config.get("device"), dict) or not isinstance(found, dict):
        return config
    return config | {"device": config["device"] | {"platform": found.get("platform")}}


def _is_training(config: Any) -> bool:
    if not isinstance(config, dict):
        return False
    return all(isinstance(config.get(key), dict) for key in TRAINING_KEYS)


def _read(
    run: RunFolder, place: str, manifest: dict[str, Any], config: dict[str, Any], problem: str
) -> RunFiles:
    notes = [f"{problem}: in no group or picture"] if problem else []
    status, note = _read_status(run)
    notes += [note] if note else []
    result: dict[str, Any] = {}
    if run.has_result:
        result, problem = try_json(run.result_path)
        notes += [problem] if problem else []
    elif status == "finished":
        notes.append("result.json is missing")
    metrics, found = read_whole_rows(run.metrics_path)
    notes += found
    done = result.get("iterations")
    if isinstance(done, int) and 0 < len(metrics) < done:
        notes.append(f"metrics.csv has {len(metrics)} of {done} iterations")
    if status == RUNNING and len(metrics):
        last = datetime.fromtimestamp(run.metrics_path.stat().st_mtime)
        notes.append(f"last row written {last:%Y-%m-%d %H:%M}")
    return RunFiles(run.path, place, config, manifest, status, result, metrics, tuple(notes))


def _read_status(run: RunFolder) -> tuple[str, str]:
    """The status, and what is to be said about it."""
    content, problem = try_json(run.status_path)
    status = content.get("status")
    if problem or not isinstance(status, str):
        return "unknown", problem or "status.json has no status"
    if status == "running":
        return RUNNING, ""
    reason = str(content.get("reason", ""))
    return status, "" if status == "finished" or not reason else reason


def in_order(place: str | Path) -> list[list[tuple[int, str]]]:
    """Key for sorting: job_10 comes after job_9."""
    return [
        [
            (int(piece), "") if piece.isdecimal() else (-1, piece)
            for piece in re.split(r"(\d+)", part)
        ]
        for part in Path(place).parts
    ]
