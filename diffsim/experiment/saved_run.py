"""What a run has left in its folder, for whoever goes on from there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from diffsim.experiment.checkpoint import list_checkpoints
from diffsim.validation import ConfigError


class SavedRun(NamedTuple):
    """A run that has a checkpoint.

    Attributes:
        config: as its manifest has it, for ``restore_config``.
        checkpoint: the newest complete one's folder.
    """

    config: dict[str, Any]
    checkpoint: Path


def find_run(folder: Path, key: str) -> SavedRun:
    """The run in a folder that was given as the value of a key.

    Raises:
        ConfigError: if the folder is not that of a run, or has no checkpoint.
    """
    try:
        config: dict[str, Any] = json.loads((folder / "manifest.json").read_text())["config"]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"{key} must be the folder of a run, with its manifest.json, got '{folder}' ({error})"
        ) from error
    checkpoints = list_checkpoints(folder / "checkpoints")
    if not checkpoints:
        raise ConfigError(f"{key} must have a checkpoint, '{folder}' has none yet")
    return SavedRun(config, checkpoints[-1])
