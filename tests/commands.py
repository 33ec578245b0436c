"""Runs the command line in a process of its own, as a user would."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

TIMEOUT_S = 500
"""Above what any command of the tests needs on a busy machine; a hang does not stop the suite."""


def diffsim_run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """``diffsim-run`` with these arguments, in a folder of its own."""
    return _run("diffsim.cli.run", *arguments, folder=folder)


def diffsim_check(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """``diffsim-check`` with these arguments, in a folder of its own."""
    return _run("diffsim.cli.check", *arguments, folder=folder)


def diffsim_bench(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """``diffsim-bench`` with these arguments, in a folder of its own."""
    return _run("diffsim.cli.bench", *arguments, folder=folder)


def diffsim_eval(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """``diffsim-eval`` with these arguments, in a folder of its own."""
    return _run("diffsim.cli.eval", *arguments, folder=folder)


def diffsim_report(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """``diffsim-report`` with these arguments, in a folder of its own."""
    return _run("diffsim.cli.report", *arguments, folder=folder)


def wait_for(true: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until something is true, while a process is running."""
    deadline = time.monotonic() + TIMEOUT_S
    while not true():
        assert process is None or process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _run(module: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def start_run(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "diffsim.cli.run", *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A shell that runs the tests in the background makes its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def run_folders(folder: Path) -> list[Path]:
    """The folders of all runs under ``outputs/``, oldest first."""
    return sorted(path.parent for path in folder.glob("outputs/**/manifest.json"))
