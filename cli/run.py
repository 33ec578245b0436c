"""``diffsim-run``: train a robot from the command line."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from diffsim.cli.command import end_job, start
from diffsim.cli.configuration import typed_config
from diffsim.experiment.config import RunConfig, check_run

COMMAND = "diffsim-run"


@hydra.main(version_base="1.3", config_path="pkg://diffsim.conf", config_name="run")
def _job(composed: DictConfig) -> None:
    """One job: a run by itself, or one of a sweep."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        _run(composed, folder)
    except Exception as error:
        _remove_if_empty(folder)
        end_job(COMMAND, error)


def _run(composed: DictConfig, folder: Path) -> None:
    """Check the config, train, report."""
    config = typed_config(composed, RunConfig)
    if config.resume is None:
        check_run(config)
    else:
        _remove_if_empty(folder)
        folder = Path(config.resume)

    # JAX is loaded here and not before: help and errors in a config come at once.
    from rich.console import Console

    from diffsim.experiment.runner import resume, run
    from diffsim.reporting.summary import print_summary, write_plots

    console = Console()
    try:
        if config.resume is None:
            run(config, folder, console)
        else:
            resume(folder, console)
    finally:
        write_plots(folder)  # of what there is, also when the run has failed
    print_summary(folder, console)


def _remove_if_empty(folder: Path) -> None:
    """Take away the folder of a run that never began, unless something is in it."""
    with suppress(OSError):
        folder.rmdir()


def main() -> None:
    """Compose the config, run, exit: 0 done, 1 the run failed, 2 the command or config is wrong."""
    start(COMMAND, _job)


if __name__ == "__main__":
    main()
