"""``diffsim-run``: train a robot from the command line."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from diffsim.cli import sweep
from diffsim.cli.command import end_job, never_began, start
from diffsim.cli.configuration import (
    guard_composition,
    register_resolvers,
    typed_config,
)
from diffsim.cli.recipes import choices_in_words
from diffsim.cli.schemas import register_schemas
from diffsim.experiment.check import check_run
from diffsim.experiment.config import RunConfig
from diffsim.experiment.interruption import Interrupted, current
from diffsim.runs.folder import RunFolder
from diffsim.validation import ConfigError

# A launcher's processes import this module, and then compose a job's config.
register_schemas()
register_resolvers()
guard_composition()


@hydra.main(version_base="1.3", config_path="pkg://diffsim.conf", config_name="run")
def _job(composed: DictConfig) -> float | None:
    """One job: a run by itself, or one of a sweep; the best loss, for sweepers that search."""
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    in_sweep = hydra_config.mode == RunMode.MULTIRUN
    if in_sweep and not sweep.begin_job(folder, hydra_config.overrides.task):
        return sweep.best_loss(folder)
    problem: Exception | None = None
    try:
        with current().ending(partial(never_began, folder)):
            folder = _run(composed, folder, in_sweep)
    except Exception as error:
        if not in_sweep:
            never_began(folder)
            end_job(sweep.COMMAND, error)
        problem = error
    if in_sweep:
        sweep.end_job(folder, problem)
    return sweep.best_loss(folder)


def _run(composed: DictConfig, folder: Path, in_sweep: bool) -> Path:
    """Check the config, train, report; the folder of the run."""
    config = typed_config(composed, RunConfig)
    if config.resume is None:
        check_run(config)
    else:
        never_began(folder)
        folder = Path(config.resume)
        if sweep.is_sweep(folder):
            if config.skip_damaged:
                raise ConfigError(
                    f"skip_damaged=true is for one run, as resume={folder}/job_0; "
                    f"'{folder}' is a sweep"
                )
            sweep.go_on(folder)

    # No device is asked for before this. (Checking a config imports its kinds, and JAX with them.)
    from rich.console import Console

    from diffsim.experiment.pictures import draw
    from diffsim.experiment.resume import resume, run_or_resume
    from diffsim.experiment.runner import run
    from diffsim.reporting.summary import print_summary

    console = Console(quiet=in_sweep and sweep.is_quiet())
    if config.resume is None:
        for line in filter(None, (choices_in_words(), config.note)):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    with current().ending(partial(_end, folder)) as stop:
        try:
            if config.resume is not None:
                resume(folder, console, config.skip_damaged, _expected(config))
            elif in_sweep:
                run_or_resume(config, folder, console)
            else:
                run(config, folder, console)
        except ConfigError:  # refused before anything was done
            raise
        except BaseException as error:
            if isinstance(error, Interrupted):
                error = stop.leave(error.number, _end(folder, str(error)))
            draw(folder, console)
            raise error
        draw(folder, console)
        print_summary(folder, console)
    return folder


def _expected(config: RunConfig) -> RunConfig | None:
    """The config that a run to be resumed is said to have, None if nothing is said of it."""
    keys = [o.split("=")[0] for o in HydraConfig.get().overrides.task]
    if set(keys) <= {"resume", "skip_damaged", "plugins"}:
        return None
    return dataclasses.replace(config, resume=None, skip_damaged=False)


def _end(folder: Path, message: str) -> str:
    """Add to a message about an interrupted run how it goes on."""
    run = RunFolder(folder)
    if not run.has_begun:
        return message
    if (status := run.status()) and status.is_over:
        return f"{message}; the run has {status.status}"
    whole = folder.parent if sweep.is_sweep(folder.parent) else folder
    return sweep.how_to_go_on(whole, message)


def main() -> None:
    """Compose the config, run, exit: 0 done, 1 the run failed, 2 the command or config is wrong."""
    start(sweep.COMMAND, _job)


if __name__ == "__main__":
    # By the module's own name, by which a launcher's processes find the job.
    from diffsim.cli.run import main as run_main

    run_main()
