"""``diffsim-run``: train a robot from the command line."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from diffsim.cli.configuration import register_resolvers, register_schemas, typed_config
from diffsim.cli.errors import describe
from diffsim.experiment.config import check_run
from diffsim.validation import ConfigError

USAGE_ERROR = 2
FAILURE = 1
INTERRUPTED = 130
SHOW_TRACEBACK = os.environ.get("HYDRA_FULL_ERROR") == "1"
CONFIG_ERRORS = (ConfigError, HydraException, OmegaConfBaseException, YAMLError)


@hydra.main(version_base="1.3", config_path="pkg://diffsim.conf", config_name="run")
def _job(composed: DictConfig) -> None:
    """One job: a run by itself, or one of a sweep."""
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    try:
        _run(composed, folder)
    except Exception as error:
        _remove_if_empty(folder)
        if SHOW_TRACEBACK or hydra_config.mode == RunMode.MULTIRUN:
            raise  # Hydra finishes the other jobs first
        _fail(error)


def _run(composed: DictConfig, folder: Path) -> None:
    """Check the config, train, report."""
    config = typed_config(composed)
    check_run(config)

    # JAX is loaded here and not before: help and errors in a config come at once.
    from rich.console import Console

    from diffsim.experiment.runner import run
    from diffsim.reporting.summary import print_summary, write_plots

    console = Console()
    try:
        run(config, folder, console)
    finally:
        write_plots(folder)  # of what there is, also when the run has failed
    print_summary(folder, console)


def _remove_if_empty(folder: Path) -> None:
    """Take away the folder of a run that never began, unless something is in it."""
    with suppress(OSError):
        folder.rmdir()


def main() -> None:
    """Compose the config, run, exit: 0 done, 1 the run failed, 2 the command or config is wrong."""
    register_schemas()
    register_resolvers()
    # Exceptions come here instead of being printed by Hydra, to be told in one line.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        _job()
    except KeyboardInterrupt:
        _exit("interrupted", INTERRUPTED)
    except Exception as error:
        if SHOW_TRACEBACK:
            raise
        _fail(error)


def _fail(error: Exception) -> NoReturn:
    """Tell what went wrong in one line, and exit."""
    if isinstance(error, BrokenPipeError):  # the reader of our output has left, as head does
        raise SystemExit(FAILURE)
    message = describe(error)
    if isinstance(error, CONFIG_ERRORS):
        _exit(message, USAGE_ERROR)
    if isinstance(error, OSError):
        _exit(message, FAILURE)
    _exit(f"{message} (for the traceback: HYDRA_FULL_ERROR=1)", FAILURE)


def _exit(message: str, code: int) -> NoReturn:
    print(f"diffsim-run: error: {message}", file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
