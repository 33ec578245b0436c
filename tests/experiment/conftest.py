"""One whole run of the first experiment, shared by the tests that look at what it left."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.commands import diffsim_run, run_folders


class FinishedRun(NamedTuple):
    """Where a run left its files, and what it printed."""

    folder: Path
    output: str


@pytest.fixture(scope="session")
def ball_run(tmp_path_factory) -> FinishedRun:
    place = tmp_path_factory.mktemp("ball")
    done = diffsim_run("robot=ball", "optimizer=adam", "device=cpu", folder=place)
    assert done.returncode == 0, done.stderr
    (folder,) = run_folders(place)
    return FinishedRun(folder, done.stdout)
