"""What a run has left in its folder, for whoever goes on from there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from diffsim.experiment.checkpoint import list_checkpoints
from diffsim.validation import ConfigError


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
