"""Saved runs: a run's folder, for whoever goes on from there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from diffsim.experiment.checkpoint import (
    Checkpoint,
    CheckpointError,
    list_checkpoints,
    load_checkpoint,
)
from diffsim.validation import ConfigError


class SavedRun(NamedTuple):
    """A run that has begun.

    Attributes:
        config: as its manifest has it, for ``restore_config``.
        checkpoints: folders of the complete ones, oldest first.
    """

    config: dict[str, Any]
    checkpoints: list[Path]


def find_run(folder: Path, key: str) -> SavedRun:
    """The run in a folder that was given as the value of a key.

    Raises:
        ConfigError: if the folder is not that of a run.
    """
    try:
        config: dict[str, Any] = json.loads((folder / "manifest.json").read_text())["config"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{key} must be the folder of a run, with its manifest.json, got '{folder}' ({error})"
        ) from error
    return SavedRun(config, list_checkpoints(folder / "checkpoints"))


def load_newest(checkpoints: list[Path], remedy: str = "") -> Checkpoint:
    """The newest checkpoint.

    Args:
        checkpoints: at least one, oldest first.
        remedy: what can be done if it is damaged but another one is whole; for the message.

    Raises:
        CheckpointError: if it is damaged; the message names those that are not.
    """
    try:
        return load_checkpoint(checkpoints[-1])
    except CheckpointError as error:
        whole = [path.name for path in reversed(checkpoints[:-1]) if _is_whole(path)]
        if not whole:
            raise CheckpointError(f"{error}; no older one is whole") from error
        raise CheckpointError(f"{error}; whole are {', '.join(whole)}{remedy}") from error


def damaged(checkpoints: list[Path]) -> list[Path]:
    """The checkpoints that are newer than the newest whole one; all of them if none is."""
    found: list[Path] = []
    for path in reversed(checkpoints):
        if _is_whole(path):
            break
        found.append(path)
    return found


def _is_whole(checkpoint: Path) -> bool:
    try:
        load_checkpoint(checkpoint)
    except CheckpointError:
        return False
    return True
