"""``diffsim-report``: gather runs into one table and pictures."""

from __future__ import annotations

import sys
from itertools import pairwise

import hydra
from omegaconf import DictConfig

from diffsim.cli.command import end_job, single, start
from diffsim.cli.configuration import quoted, typed_config
from diffsim.reporting.config import ReportConfig, check_report
from diffsim.validation import ConfigError

COMMAND = "diffsim-report"
WIDTH = 160
"""Of tables that go to a file or a pipe."""

TAKING_A_VALUE = (
    *("--cfg", "-c", "--package", "-p", "--config-path", "-cp", "--config-name", "-cn"),
    *("--config-dir", "-cd", "--experimental-rerun"),
)
"""Hydra's options that are followed by a value."""


@hydra.main(version_base="1.3", config_path="pkg://diffsim.conf", config_name="report")
def _job(composed: DictConfig) -> None:
    """One report."""
    try:
        config = typed_config(composed, ReportConfig)
        check_report(config)

        # Tables and pictures are loaded here and not before: help and errors come at once.
        from rich.console import Console

        from diffsim.reporting.report import write_report

        write_report(config, Console(width=None if sys.stdout.isatty() else WIDTH))
    except Exception as error:
        end_job(COMMAND, error)


def with_folders_as_runs(arguments: list[str]) -> list[str]:
    """Arguments for Hydra, in which folders given by themselves have become ``runs=[...]``.

    Folders are what has no '=' and is neither an option nor an option's value.

    Raises:
        ConfigError: if there is a ``runs=`` beside them.
    """
    named: list[str] = []
    others: list[str] = []
    for before, argument in pairwise(["", *arguments]):
        is_folder = "=" not in argument and argument[:1] not in ("-", "~", "")
        (named if is_folder and before not in TAKING_A_VALUE else others).append(argument)
    if not named:
        return others
    given = next((argument for argument in others if argument.startswith("runs=")), None)
    if given is not None:
        raise ConfigError(f"runs must be given once, got '{' '.join(named)}' and '{given}'")
    return [f"runs=[{','.join(map(quoted, named))}]", *others]


def _one_job() -> None:
    sys.argv[1:] = with_folders_as_runs(sys.argv[1:])
    _job()


def main() -> None:
    """Compose the config, report, exit: 0 done, 1 it failed, 2 the command or config is wrong."""
    start(COMMAND, single(COMMAND, _one_job, "any number of folders"))


if __name__ == "__main__":
    main()
