"""Training from Python: what ``diffsim-run`` does, as a function."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from diffsim.experiment.config import RunConfig, check_run
from diffsim.experiment.resume import run_or_resume
from diffsim.experiment.runner import RunResult
from diffsim.reporting.summary import write_plots


def train(config: RunConfig, folder: str | Path, console: Console | None = None) -> RunResult:
    """Train a robot and leave everything in a folder, as ``diffsim-run`` does.

    A folder that holds the same run, stopped before its end, is gone on with; of one that is over
    the result is read.

    Args:
        config: from ``compose_config``, perhaps with other values by ``replace``.
        folder: for all results, made if it is not there.
        console: for what is told on the way, None for silence.

    Returns:
        The outcome: whether the goal was met, and the best point.

    Raises:
        ConfigError: if the config cannot be run, or the folder holds another run.
        DivergedError: if loss, gradient or the best point's motion are not finite.
    """
    check_run(config)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return run_or_resume(config, folder, console or Console(quiet=True))
    finally:
        write_plots(folder)  # of what there is, also when the run has failed
