"""Commands: how all of them start, how they end, and with which exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from diffsim.cli.configuration import (
    file_of,
    guard_composition,
    register_resolvers,
)
from diffsim.cli.errors import describe
from diffsim.cli.schemas import register_schemas
from diffsim.experiment.interruption import Interrupted, Interruption
from diffsim.validation import ConfigError

FAILURE = 1
USAGE_ERROR = 2
BY_SIGNAL = 128  # and the signal's number, as shells have it
WITH_VALUE = (
    *("--cfg", "-c", "--package", "-p", "--config-path", "-cp", "--config-name", "-cn"),
    *("--config-dir", "-cd"),
)
"""Options that the next argument belongs to."""
SHOW_TRACEBACK = os.environ.get("HYDRA_FULL_ERROR") == "1"
CONFIG_ERRORS = (ConfigError, HydraException, OmegaConfBaseException, YAMLError)


def options_first(arguments: list[str]) -> list[str]:
    """The arguments of a command with its options before the overrides, wherever they were given.

    Hydra's parser takes ``a=1 b=2 -m`` and ``-m a=1 b=2``, but not ``a=1 -m b=2``.
    """
    options, overrides = [], []
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-"):
            overrides.append(argument)
            continue
        options.append(argument)
        if argument in WITH_VALUE:
            options.extend(value for value in [next(rest, None)] if value is not None)
    return [*options, *overrides]


def start(command: str, job: Callable[[], object]) -> None:
    """Let Hydra compose the config and run a job.

    Exits: 0 done, 1 the job failed, 2 the command or config is wrong, 130 or 143 interrupted by
    Ctrl-C or SIGTERM, within two seconds.

    Args:
        command: its name, for messages.
        job: made by ``hydra.main``.
    """
    sys.argv[1:] = options_first(sys.argv[1:])
    with Interruption(command) as interruption:
        register_schemas()
        register_resolvers()
        guard_composition()
        # Exceptions come here instead of being printed by Hydra, to be told in one line.
        os.environ["HYDRA_FULL_ERROR"] = "1"
        try:
            job()
        except Interrupted as error:
            interruption.tell(f"{command}: error: interrupted {error}")
            raise SystemExit(BY_SIGNAL + error.number) from None
        except KeyboardInterrupt:
            _exit(command, "interrupted", BY_SIGNAL + signal.SIGINT)
        except Exception as error:
            if SHOW_TRACEBACK:
                raise
            _fail(command, error)


def single(command: str, job: Callable[[], object], why: str) -> Callable[[], object]:
    """A job that is refused as a sweep, for which Hydra would write a file; ``why``, in words."""

    def one_job() -> object:
        if {"-m", "--multirun"} & set(sys.argv):
            raise ConfigError(f"--multirun is not for {command}, which takes {why}")
        return job()

    return one_job


def never_began(folder: Path, message: str = "") -> str:
    """Take away the folder of a job that never began, unless something is in it; the message."""
    with suppress(OSError):
        folder.rmdir()
    return message


def end_job(command: str, error: Exception) -> NoReturn:
    """Tell a job's error and exit, before Hydra adds lines of its own."""
    if SHOW_TRACEBACK:
        raise error
    _fail(command, error)


def _fail(command: str, error: Exception) -> NoReturn:
    """Tell what went wrong in one line, and exit."""
    if isinstance(error, BrokenPipeError):  # the reader of our output has left, as head does
        raise SystemExit(FAILURE)
    message = describe(error)
    if isinstance(error, ConfigError) and (source := file_of(message.split(maxsplit=1)[0])):
        message = f"{source}: {message}"
    if isinstance(error, CONFIG_ERRORS):
        _exit(command, message, USAGE_ERROR)
    if isinstance(error, OSError):
        _exit(command, message, FAILURE)
    _exit(command, f"{message} (for the traceback: HYDRA_FULL_ERROR=1)", FAILURE)


def _exit(command: str, message: str, code: int) -> NoReturn:
    print(f"{command}: error: {message}", file=sys.stderr)
    raise SystemExit(code)
