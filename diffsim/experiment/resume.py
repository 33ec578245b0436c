"""Going on with a run that was stopped, as if it had never been."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from diffsim.experiment.checkpoint import load_checkpoint
from diffsim.experiment.config import RunConfig
from diffsim.experiment.manifest import restore_config
from diffsim.experiment.runner import go_on, run
from diffsim.experiment.saved_run import find_run
from diffsim.experiment.status import OVER, read_status
from diffsim.validation import ConfigError


def resume(folder: Path, console: Console) -> None:
    """Go on with a run from its newest checkpoint; from its start if it has none yet.

    Raises:
        ConfigError: if there is no run in the folder, it is over, or another process is at it.
        CheckpointError: if its newest checkpoint is damaged.
        DivergedError, Interrupted: as ``run``.
    """
    saved = find_run(folder, "resume")
    status = read_status(folder)
    if status is not None and status.status in OVER:
        raise ConfigError(f"resume must be a run that is not over, '{folder}' has {status.status}")
    config = restore_config(saved.config)
    if saved.checkpoint is None:
        console.print("There is no checkpoint yet: beginning again.")
        go_on(config, folder, console, None)
        return
    since = load_checkpoint(saved.checkpoint)
    console.print(f"Going on after iteration {since.iteration}.")
    go_on(config, folder, console, since)


def run_or_resume(config: RunConfig, folder: Path, console: Console) -> None:
    """Run, or go on if the folder holds the same run; do nothing if that is over.

    Raises:
        ConfigError: if the folder holds another run.
        CheckpointError, DivergedError, Interrupted: as ``resume``.
    """
    if not (folder / "manifest.json").exists():
        run(config, folder, console)
        return
    if restore_config(find_run(folder, "the sweep's folder").config) != config:
        raise ConfigError(f"the folder {folder} holds a run with another config, choose a new one")
    status = read_status(folder)
    if status is None or status.status not in OVER:
        resume(folder, console)
