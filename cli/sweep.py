"""Sweeps: many jobs in one folder, of which those that are finished are not run again.

Hydra makes the jobs and a launcher runs them, one after the other or, on request, in processes of
their own; a job leaves its outcome in its folder, ``job_<number>/``, and never stops the others.
What was asked for is in ``sweep.json``, by which the whole sweep can go on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from diffsim.cli.command import SHOW_TRACEBACK
from diffsim.cli.configuration import quoted
from diffsim.cli.errors import describe
from diffsim.experiment.interruption import current
from diffsim.runs.files import write_json
from diffsim.runs.folder import JOB_FILE, RunFolder, read_json
from diffsim.tables import FILES
from diffsim.validation import ConfigError

COMMAND = "diffsim-run"
IN_TURN = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
FILE = "sweep.json"
DIR = "--config-dir"


class Sweep(Callback):
    """Before the jobs: notes what was asked for. After them: tells how they ended."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Begin a sweep's folder, or go on in one of the same sweep.

        Exits: 2 if it holds another one.
        """
        folder = Path(config.hydra.sweep.dir)
        asked = _asked(config)
        known = _read(folder)
        if known is not None and known["overrides"] != asked["overrides"]:
            print(
                f"{COMMAND}: error: hydra.sweep.dir must be a new folder or that of the same sweep,"
                f" '{folder}' has {' '.join(known['overrides'])}",
                file=sys.stderr,
            )
            raise SystemExit(2)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / FILE, asked)
        launcher = str(config.hydra.launcher.get("_target_"))
        in_parallel = launcher != IN_TURN
        if not launcher.startswith(("hydra._internal.", "hydra_plugins.diffsim_launcher.")):
            _send_files_whole()
        # A launcher ends its processes when an exception comes to it.
        current().raises = in_parallel

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Tell how the jobs ended.

        Exits: 1 if not all are finished.
        """
        folder = Path(config.hydra.sweep.dir)
        jobs = {path: RunFolder(path).status() for path in _jobs(folder)}
        bad = {p: s for p, s in jobs.items() if s is None or s.status != "finished"}
        print(f"{len(jobs) - len(bad)} of {len(jobs)} jobs are finished, all in {folder}")
        for path, status in bad.items():
            asked = " ".join(_overrides(path))
            print(f"  {path.name} ({asked}): {status or 'no status'}", file=sys.stderr)
        if bad:
            raise SystemExit(1)


def _send_files_whole() -> None:
    """Let launchers send what is in the user's files by value: no process can import them."""
    with suppress(ImportError):
        pickling = import_module("cloudpickle")
        for module in [m for key, m in sys.modules.items() if key.startswith(FILES)]:
            pickling.register_pickle_by_value(module)


def begin_job(folder: Path, overrides: Sequence[str]) -> bool:
    """Note in a job's folder what it is; whether there is something to do.

    Raises:
        ConfigError: if the folder holds another job, as of a search that is made again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = _overrides(folder)
    if known and known != list(overrides):
        raise ConfigError(
            f"hydra.sweep.dir must be a new folder or that of the same sweep, {folder} has "
            f"{' '.join(known)}, not {' '.join(overrides)}"
        )
    status = RunFolder(folder).status()
    if status is not None and status.is_over:
        print(f"{folder.name} is {status.status} already")
        return False
    write_json(folder / JOB_FILE, {"overrides": list(overrides)})
    return True


def end_job(folder: Path, error: Exception | None) -> None:
    """Leave a job's outcome in its folder, if the run itself has not, and say it in a line."""
    run = RunFolder(folder)
    if error is not None and ((status := run.status()) is None or status.status == "running"):
        run.write_status("failed", describe(error))
    if error is not None or _in_parallel():
        print(f"{folder.name}: {run.status() or 'no status'}", flush=True)


def best_loss(folder: Path) -> float | None:
    """Loss of a finished run, for sweepers that search; None for one that failed."""
    with suppress(OSError, ValueError, KeyError):
        return float(RunFolder(folder).result()["loss"])
    return None


def how_to_go_on(folder: Path, message: str) -> str:
    """Add to a message about what was interrupted, a run or a sweep, how it goes on."""
    return f"{message}; to go on: {COMMAND} resume={folder}"


def is_sweep(folder: Path) -> bool:
    """Return whether a folder is that of a sweep."""
    return _read(folder) is not None


def go_on(folder: Path) -> NoReturn:
    """Replace this process by one that runs the jobs of a sweep that are not finished."""
    asked = _read(folder)
    assert asked is not None
    there = f"hydra.sweep.dir={quoted(str(folder.absolute()))}"
    arguments = [*asked["overrides"], *asked["launcher"], there, *asked["options"]]
    if not SHOW_TRACEBACK:
        os.environ.pop("HYDRA_FULL_ERROR", None)
    os.execv(sys.executable, [sys.executable, "-m", "diffsim.cli.run", "-m", *arguments])


def is_quiet() -> bool:
    """Return whether jobs should say little, as others speak at the same time."""
    return _in_parallel()


def _in_parallel() -> bool:
    return str(HydraConfig.get().launcher.get("_target_")) != IN_TURN


def _asked(config: DictConfig) -> dict[str, list[str]]:
    overrides = config.hydra.overrides
    passed_on = [
        o for o in overrides.hydra if not o.startswith(("hydra.mode=", "hydra.sweep.dir="))
    ]
    return {
        "overrides": list(overrides.task),
        "launcher": passed_on,
        "options": options(config),
    }


def options(config: DictConfig) -> list[str]:
    """The command's options that say where its config is, for another command."""
    sources = config.hydra.runtime.config_sources
    folders = [str(source.path) for source in sources if source.provider == "command-line"]
    name = config.hydra.job.config_name
    return [
        *(text for folder in folders for text in (DIR, folder)),
        *(() if name in (None, "run") else ("--config-name", name)),
    ]


def _read(folder: Path) -> dict[str, list[str]] | None:
    try:
        content: dict[str, list[str]] = read_json(folder / FILE)
        if "config_dirs" in content:  # as it was written before there were other options
            content["options"] = [t for path in content["config_dirs"] for t in (DIR, path)]
        return {
            name: [str(v) for v in content[name]] for name in ("overrides", "launcher", "options")
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _overrides(folder: Path) -> list[str]:
    try:
        return [str(override) for override in read_json(folder / JOB_FILE)["overrides"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _jobs(folder: Path) -> list[Path]:
    """The folders of all jobs, in order."""
    found = [p for p in folder.glob("job_*") if p.is_dir() and p.name[4:].isdigit()]
    return sorted(found, key=lambda path: int(path.name[4:]))
