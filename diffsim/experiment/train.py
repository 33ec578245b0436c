"""Training from Python: what ``diffsim-run`` does, as a function."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from diffsim.experiment.check import check_run
from diffsim.experiment.config import RunConfig
from diffsim.experiment.divergence import DivergedError
from diffsim.experiment.interruption import Interrupted
from diffsim.experiment.pictures import draw
from diffsim.experiment.result import RunResult
from diffsim.experiment.resume import run_or_resume
from diffsim.runs.folder import RunFolder
from diffsim.validation import ConfigError


def train(config: RunConfig, folder: str | Path, console: Console | None = None) -> RunResult:
    """Train a robot and write all results to a folder, as ``diffsim-run`` does.

    If the folder holds the same run, unfinished, it is resumed; if it is finished, its result is
    read.

    Args:
        config: from ``compose_config``, perhaps with other values by ``replace``.
        folder: for all results, made if it is not there.
        console: for what is told on the way, None for silence.

    Returns:
        The outcome: whether the goal was met, and the best point.

    Raises:
        ConfigError: if the config cannot be run, or the folder holds another run.
        CheckpointError: if the newest checkpoint of the folder is damaged.
        DivergedError: if loss, gradient or the best point's motion are not finite.
        Interrupted: if it was told to stop by a signal.
    """
    if config.resume is not None or config.skip_damaged:
        raise ConfigError("resume and skip_damaged are for the command: train resumes its folder")
    check_run(config)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    was_over, console = RunFolder(folder).is_over, console or Console(quiet=True)
    try:
        result = run_or_resume(config, folder, console)
    except (DivergedError, Interrupted):
        draw(folder, console)  # what there is
        raise
    if not was_over:
        draw(folder, console)
    return result
