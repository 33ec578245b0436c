"""``diffsim-check``: what a robot is made of, and whether its motion and gradients hold."""

from __future__ import annotations

import sys

import hydra
from omegaconf import DictConfig

from diffsim.checks.config import CheckConfig, check_config
from diffsim.cli.command import FAILURE, end_job, single, start
from diffsim.cli.configuration import typed_config

COMMAND = "diffsim-check"
WIDTH = 160
"""Of tables that go to a file or a pipe."""


@hydra.main(version_base="1.3", config_path="pkg://diffsim.conf", config_name="check")
def _job(composed: DictConfig) -> None:
    """One check."""
    try:
        missed = _check(composed)
    except Exception as error:
        end_job(COMMAND, error)
    if missed:
        raise SystemExit(FAILURE)  # the last line of the output has said which


def _check(composed: DictConfig) -> list[str]:
    config = typed_config(composed, CheckConfig)
    check_config(config)

    # JAX is loaded here and not before: help and errors in a config come at once.
    from rich.console import Console

    from diffsim.checks.runner import run_checks

    return run_checks(config, Console(width=None if sys.stdout.isatty() else WIDTH))


def main() -> None:
    """Compose the config, check, exit.

    Exit codes: 0 all tolerances hold, 1 one is missed or the check failed, 2 the command or config
    is wrong.
    """
    start(COMMAND, single(COMMAND, _job, "one robot at a time"))


if __name__ == "__main__":
    main()
