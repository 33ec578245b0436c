"""Going on with a run that was stopped, as if it had never been."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from diffsim.experiment.config import RunConfig
from diffsim.experiment.divergence import DivergedError
from diffsim.experiment.manifest import restore_config
from diffsim.experiment.result import RunResult, load_result
from diffsim.experiment.runner import go_on, run
from diffsim.runs.checkpoint import damaged, load_newest
from diffsim.runs.files import held
from diffsim.runs.folder import RunFolder
from diffsim.validation import ConfigError


def resume(
    folder: Path,
    console: Console,
    skip_damaged: bool = False,
    expected: RunConfig | None = None,
) -> RunResult:
    """Go on with a run from its newest checkpoint; from its start if it has none yet.

    Args:
        folder: of the run.
        console: for what is told on the way.
        skip_damaged: whether newer checkpoints that are damaged are set aside, as
            ``damaged_<name>``.
        expected: its config, if the caller has said of it more than where it is.

    Raises:
        ConfigError: if there is no run in the folder, or one with another config; if it is over, or
            another process is at it.
        CheckpointError: if its newest checkpoint, or with ``skip_damaged`` every one, is damaged.
        DivergedError, Interrupted: as ``run``.
    """
    saved = RunFolder(folder)
    data, status = saved.config("resume"), saved.status()
    if status is not None and status.is_over:
        raise ConfigError(f"resume must be a run that is not over, '{folder}' has {status.status}")
    config, checkpoints = restore_config(data), saved.checkpoints()
    if expected is not None and expected != config:
        raise ConfigError(
            f"resume goes on with the config of the run in '{folder}', which is another one than "
            "the command's: leave out what is said of it, or choose a new folder"
        )
    if not checkpoints:
        console.print("There is no checkpoint yet: beginning again.")
        return go_on(config, folder, console, None)
    broken = damaged(checkpoints) if skip_damaged else []
    if broken and len(broken) < len(checkpoints):
        with held(folder):
            for path in broken:
                path.rename(path.with_name(f"damaged_{path.name}"))
        names = ", ".join(path.name for path in broken)
        console.print(f"Damaged, and set aside: {names}.", soft_wrap=True, highlight=False)
        checkpoints = checkpoints[: -len(broken)]
    since = load_newest(checkpoints, "; to go on from the newest of them: skip_damaged=true")
    console.print(f"Going on after iteration {since.iteration}.")
    return go_on(config, folder, console, since)


def run_or_resume(config: RunConfig, folder: Path, console: Console) -> RunResult:
    """Run, or go on if the folder holds the same run; of one that is over, read the result.

    Raises:
        ConfigError: if the folder holds another run, or one that is over without a result.
        CheckpointError, DivergedError, Interrupted: as ``resume``.
    """
    saved = RunFolder(folder)
    if not saved.has_begun:
        return run(config, folder, console)
    if restore_config(saved.config("the folder")) != config:
        raise ConfigError(f"the folder {folder} holds a run with another config, choose a new one")
    status = saved.status()
    if status is None or not status.is_over:
        return resume(folder, console)
    if status.status == "diverged":
        raise DivergedError(status.reason)
    return load_result(folder)
