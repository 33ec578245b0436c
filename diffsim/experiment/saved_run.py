"""What a run has left in its folder, for whoever goes on from there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from diffsim.experiment.checkpoint import list_checkpoints
from diffsim.experiment.files import write_json
from diffsim.validation import ConfigError

OVER = ("finished", "diverged")
"""A run of this status cannot go on."""


class Status(NamedTuple):
    """How a run got on.

    Attributes:
        status: running, finished, diverged, interrupted or failed.
        reason: in words; empty for one that is running.
    """

    status: str
    reason: str


class SavedRun(NamedTuple):
    """A run that has begun.

    Attributes:
        config: as its manifest has it, for ``restore_config``.
        checkpoint: the newest complete one's folder, None if there is none yet.
    """

    config: dict[str, Any]
    checkpoint: Path | None


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
    checkpoints = list_checkpoints(folder / "checkpoints")
    return SavedRun(config, checkpoints[-1] if checkpoints else None)


def read_status(folder: Path) -> Status | None:
    """What a run says of itself, None if it does not or cannot be understood."""
    try:
        content = json.loads((folder / "status.json").read_text())
        return Status(str(content["status"]), str(content["reason"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_status(folder: Path, status: str, reason: str) -> None:
    """Say how a run gets on."""
    write_json(folder / "status.json", {"status": status, "reason": reason})
