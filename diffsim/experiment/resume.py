"""Going on with a run that was stopped, as if it had never been."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from diffsim.experiment.config import RunConfig
from diffsim.experiment.files import held
from diffsim.experiment.manifest import restore_config
from diffsim.experiment.runner import RunResult, go_on, load_result, run
from diffsim.experiment.saved_run import damaged, find_run, load_newest
from diffsim.experiment.status import OVER, read_status
from diffsim.experiment.trajectory import DivergedError
from diffsim.validation import ConfigError


def resume(folder: Path, console: Console, skip_damaged: bool = False) -> RunResult:
    """Go on with a run from its newest checkpoint; from its start if it has none yet.

    Args:
        folder: of the run.
        console: for what is told on the way.
        skip_damaged: whether newer checkpoints that are damaged are set aside, as
            ``damaged_<name>``.

    Raises:
        ConfigError: if there is no run in the folder, it is over, or another process is at it.
        CheckpointError: if its newest checkpoint, or with ``skip_damaged`` every one, is damaged.
        DivergedError, Interrupted: as ``run``.
    """
    saved = find_run(folder, "resume")
    status = read_status(folder)
    if status is not None and status.status in OVER:
        raise ConfigError(f"resume must be a run that is not over, '{folder}' has {status.status}")
    config = restore_config(saved.config)
    checkpoints = saved.checkpoints
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
    if not (folder / "manifest.json").exists():
        return run(config, folder, console)
    if restore_config(find_run(folder, "the folder").config) != config:
        raise ConfigError(f"the folder {folder} holds a run with another config, choose a new one")
    status = read_status(folder)
    if status is None or status.status not in OVER:
        return resume(folder, console)
    if status.status == "diverged":
        raise DivergedError(status.reason)
    return load_result(folder)
