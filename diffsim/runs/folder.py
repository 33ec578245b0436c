"""A run's folder: what its files are called, and how they are read.

    manifest.json            where the results come from: config, versions, commit, machine
    status.json              running, finished, diverged, interrupted or failed, and why
    metrics.csv              a row for each iteration
    checkpoints/             the newest complete states (``diffsim.runs.checkpoint``)
    result.json              the best point found, in the variables' own units
    trajectory_before.csv    the motion of one episode before training, a row for each time and body
    trajectory_after.csv     the same after it
    surfaces.json            what moves there, as triangles, for pictures and replays

JSON files are there whole or not at all; ``metrics.csv`` grows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from diffsim.runs.files import write_json
from diffsim.validation import ConfigError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

JOB_FILE = "job.json"
"""In the folder of a job, of a sweep or a reproduction: what it is, and how long it took."""

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

    def __str__(self) -> str:
        return f"{self.status}, {self.reason}" if self.reason else self.status

    @property
    def is_over(self) -> bool:
        """True of a run that cannot go on."""
        return self.status in OVER


@dataclass(frozen=True)
class RunFolder:
    """Files of one run; reading one that is not there raises ``FileNotFoundError``.

    Attributes:
        path: of the folder.
    """

    path: Path

    @property
    def has_begun(self) -> bool:
        """True if the folder holds a run."""
        return self.manifest_path.exists()

    @property
    def has_result(self) -> bool:
        """True if the run has come to a result."""
        return self.result_path.exists()

    @property
    def has_start(self) -> bool:
        """True if the motion before training is known."""
        return self.trajectory_path("before").exists()

    @property
    def has_trajectory(self) -> bool:
        """True if the motion after training is known."""
        return self.trajectory_path("after").exists()

    @property
    def manifest_path(self) -> Path:
        """Path of the manifest."""
        return self.path / "manifest.json"

    @property
    def status_path(self) -> Path:
        """Path of the status."""
        return self.path / "status.json"

    @property
    def result_path(self) -> Path:
        """Path of the outcome."""
        return self.path / "result.json"

    @property
    def surfaces_path(self) -> Path:
        """Path of the record of all surfaces."""
        return self.path / "surfaces.json"

    @property
    def metrics_path(self) -> Path:
        """Path of the metrics."""
        return self.path / "metrics.csv"

    @property
    def checkpoint_path(self) -> Path:
        """Path of the folder of all checkpoints."""
        return self.path / "checkpoints"

    def trajectory_path(self, which: str) -> Path:
        """Path of the trajectory "before" or "after" training."""
        return self.path / f"trajectory_{which}.csv"

    def manifest(self) -> dict[str, Any]:
        """Read where the results come from."""
        return read_json(self.manifest_path)

    def write_manifest(self, content: dict[str, Any]) -> None:
        """Begin the run: without a manifest there is none."""
        write_json(self.manifest_path, content)

    def config(self, key: str) -> dict[str, Any]:
        """Read the config as the manifest has it, for ``restore_config``.

        Args:
            key: of the config by which the folder was given, for the message.

        Raises:
            ConfigError: if the folder is not that of a run.
        """
        try:
            config: dict[str, Any] = self.manifest()["config"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{key} must be the folder of a run, with its manifest.json, got '{self.path}' "
                f"({error})"
            ) from error
        return config

    def status(self) -> Status | None:
        """Read how the run gets on, None if there is nothing that can be understood."""
        try:
            content = read_json(self.status_path)
            return Status(str(content["status"]), str(content["reason"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @property
    def is_over(self) -> bool:
        """True if the run cannot go on."""
        status = self.status()
        return status is not None and status.is_over

    def write_status(self, status: str, reason: str) -> None:
        """Say how the run gets on."""
        write_json(self.status_path, {"status": status, "reason": reason})

    def metrics(self) -> pd.DataFrame:
        """Read the metrics, one row for each iteration."""
        import pandas as pd

        return pd.read_csv(self.metrics_path)

    def checkpoints(self) -> list[Path]:
        """List the folders of the complete checkpoints, oldest first."""
        from diffsim.runs.checkpoint import list_checkpoints

        return list_checkpoints(self.checkpoint_path)

    def result(self) -> dict[str, Any]:
        """Read the outcome."""
        return read_json(self.result_path)

    def write_result(self, content: dict[str, Any]) -> None:
        """Write the outcome."""
        write_json(self.result_path, content)

    def goal(self) -> np.ndarray | None:
        """Read the goal of the trajectories' episode [m], shape (3,), None without one."""
        import numpy as np

        goal = self.result().get("goal") if self.has_result else None
        return None if goal is None else np.asarray(goal)

    def trajectory(self, which: str) -> pd.DataFrame:
        """Read the trajectory "before" or "after" training, one row for each time and body."""
        import pandas as pd

        path = self.trajectory_path(which)
        columns = path.read_text().partition("\n")[0].split(",")
        unknown = {name: ["", "nan"] for name in columns if name != "body"}
        return pd.read_csv(path, dtype={"body": str}, keep_default_na=False, na_values=unknown)

    def surfaces(self) -> dict[str, Any]:
        """Read the record of all surfaces (``diffsim.robots.surfaces``)."""
        return read_json(self.surfaces_path)

    def write_surfaces(self, record: dict[str, Any]) -> None:
        """Write the record of all surfaces."""
        write_json(self.surfaces_path, record, indent=None)


def read_json(path: Path) -> dict[str, Any]:
    """The content of a JSON file."""
    content: dict[str, Any] = json.loads(path.read_text())
    return content
