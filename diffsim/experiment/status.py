"""``status.json``: how a run gets on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from diffsim.experiment.files import write_json

OVER = ("finished", "diverged")
"""A run of this status cannot go on."""


class Status(NamedTuple):
    """Progress of a run.

    Attributes:
        status: running, finished, diverged, interrupted or failed.
        reason: in words; empty for one that is running.
    """

    status: str
    reason: str


def read_status(folder: Path) -> Status | None:
    """Read a run's status, None if there is none that can be understood."""
    try:
        content = json.loads((folder / "status.json").read_text())
        return Status(str(content["status"]), str(content["reason"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_status(folder: Path, status: str, reason: str) -> None:
    """Say how a run gets on."""
    write_json(folder / "status.json", {"status": status, "reason": reason})
