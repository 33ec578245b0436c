"""Runs one experiment: the place where robot, task, controller and optimiser meet.

Everything a run finds out is in its folder (``diffsim.runs.folder``), written as it goes, so that a
run that is killed leaves what it had.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from rich.console import Console

from diffsim.experiment.check import check_run
from diffsim.experiment.config import RunConfig
from diffsim.experiment.course import Account, Course
from diffsim.experiment.device import check_fits, computing_on, in_units, use_all_cores
from diffsim.experiment.divergence import DivergedError
from diffsim.experiment.experiment import Experiment
from diffsim.experiment.interruption import current, noting_signals
from diffsim.experiment.manifest import build_manifest, figures_record
from diffsim.experiment.result import RunResult
from diffsim.experiment.training import Training, record_start
from diffsim.optimizers.table import OPTIMIZERS
from diffsim.runs.checkpoint import Checkpoint
from diffsim.runs.files import held
from diffsim.runs.folder import RunFolder
from diffsim.validation import ConfigError


def run(config: RunConfig, folder: Path, console: Console) -> RunResult:
    """Run an experiment and leave everything in ``folder``.

    Raises:
        ConfigError: if the config cannot be run or the folder holds another run.
        DivergedError: if the loss or the gradient is not finite, ``max_skipped`` times in a row, or
            the motion of the best point is not.
        Interrupted: if it was told to stop by a signal.
    """
    if RunFolder(folder).has_begun:
        raise ConfigError(f"the folder {folder} holds another run, choose a new one")
    return go_on(config, folder, console, None)


def go_on(config: RunConfig, folder: Path, console: Console, since: Checkpoint | None) -> RunResult:
    """Start a run in its folder, or resume it from a checkpoint.

    Args:
        config: what to run.
        folder: for all results.
        console: for what is told on the way.
        since: where to go on, None at the start.

    Raises:
        ConfigError: also if another process is at it.
    """
    check_run(config)
    if config.batch > 1 and config.device.platform != "gpu":
        use_all_cores()
    saved, interruption = RunFolder(folder), current()
    account = Account(folder, interruption)
    with (
        held(folder),
        computing_on(config.device, config.precision) as device,
        interruption.ending(account.end),
    ):
        experiment = Experiment(config)
        kind = OPTIMIZERS[config.optimizer.kind]
        optimizer = kind(config.optimizer, experiment, config.seed)
        if optimizer.flow is not None:
            needed = experiment.gradient_bytes()
            check_fits(needed, device, config.simulation.checkpoint)
            console.print(f"The gradient will take about {in_units(needed)} of memory.")
        if not saved.has_begun:
            known = experiment.caveats()
            for caveat in known:
                console.print(f"mind: {caveat}", soft_wrap=True, highlight=False, markup=False)
            manifest = build_manifest(config, device, known) | figures_record(type(experiment.task))
            saved.write_manifest(manifest)
        saved.write_status("running", "")
        try:
            with noting_signals() as interruption:
                course = Course(folder, config, since, interruption)
                with interruption.ending(course.end):
                    training = Training(experiment, optimizer, saved, since)
                    training.run(console, course)
                    result = training.finish()
        except DivergedError as error:
            account.close("diverged", str(error))
            with suppress(Exception):  # which would tell less than the divergence
                record_start(experiment, saved)
            raise
        except KeyboardInterrupt as error:
            account.close("interrupted", str(error))
            raise
        except BaseException as error:
            account.close("failed", f"{type(error).__name__}: {error}")
            raise
        account.close(
            "finished",
            f"goal met after {result.iterations} iterations"
            if result.succeeded
            else f"{result.iterations} iterations done, goal not met",
        )
        return result
