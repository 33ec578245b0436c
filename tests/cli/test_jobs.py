"""The pool of jobs: what is done is kept, what fails stops no other, each has cores of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from diffsim.cli import jobs
from diffsim.cli.jobs import Chain, Job, Pool, record_of
from diffsim.experiment.device import core_count
from diffsim.runs.files import held
from diffsim.validation import ConfigError
from tests.commands import TIMEOUT_S, wait_for

ROOT = Path(__file__).parents[2]
QUIET = Console(quiet=True)


def ball(folder, *overrides, name="ball_adam_0"):
    overrides = ("experiment=ball_adam", "device=cpu", *overrides)
    return Job(name, "diffsim-run", overrides, folder / name, 10.0)


def test_what_is_done_is_kept_and_what_fails_does_not_stop_the_rest(tmp_path):
    good = ball(tmp_path, "optimizer.iterations=2")
    wrong = ball(tmp_path, "optimizer.iterations=-2", name="wrong_0")
    after = ball(tmp_path, "optimizer.iterations=2", name="after_wrong_0")
    chains = [Chain((wrong, after)), Chain((good,))]
    pool = Pool(chains, QUIET, at_once=2)
    pool.run()
    assert list(pool.failed) == ["wrong_0"]
    assert "optimizer.iterations must be" in pool.failed["wrong_0"]
    assert not after.folder.exists()
    record = record_of(good)
    assert record is not None
    assert record.command == "diffsim-run experiment=ball_adam device=cpu optimizer.iterations=2"
    log = (good.folder / "job.log").read_bytes()

    Pool([Chain((good,))], QUIET).run()
    assert (good.folder / "job.log").read_bytes() == log

    with pytest.raises(ConfigError, match="holds the result of another command"):
        Pool([Chain((ball(tmp_path, "optimizer.iterations=3"),))], QUIET)


PROGRAM = """
from pathlib import Path
from rich.console import Console
from diffsim.cli.jobs import Chain, Job, Pool, Stopped
told = ("experiment=ball_adam", "device=cpu", "optimizer.iterations=600", "stop_on_success=false",
        "checkpoints.every=50")
job = Job("ball_adam_0", "diffsim-run", told, Path("ball_adam_0"), 10.0)
try:
    Pool([Chain((job,))], Console()).run()
except Stopped:
    raise SystemExit(130)
"""


@pytest.mark.slow
def test_an_interrupted_pool_goes_on(tmp_path):
    """Ctrl-C ends it with a checkpoint; called again it comes to the end of the same training."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=tmp_path)
    folder = tmp_path / "ball_adam_0"
    path = folder / "metrics.csv"
    wait_for(lambda: path.exists() and len(pd.read_csv(path)) >= 20, process)
    process.send_signal(signal.SIGINT)
    assert process.wait(TIMEOUT_S) == 130
    assert json.loads((folder / "status.json").read_text())["status"] == "interrupted"
    assert not (folder / "job.json").exists()
    before = pd.read_csv(folder / "metrics.csv")

    again = [sys.executable, "-c", PROGRAM]
    subprocess.run(again, cwd=tmp_path, check=True, timeout=TIMEOUT_S)
    metrics = pd.read_csv(folder / "metrics.csv")
    assert list(metrics["iteration"]) == list(range(1, 601))
    pd.testing.assert_frame_equal(metrics.head(len(before)), before)
    assert json.loads((folder / "job.json").read_text())["seconds"] > 0


def test_jobs_side_by_side_share_the_cores(tmp_path, monkeypatch):
    """Each has cores that no other has; one that must be alone has all of them."""
    source = "import os, time; time.sleep(2); print(sorted(os.sched_getaffinity(0)))"
    (tmp_path / "show_cores.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(jobs.PROGRAMS, "show", "show_cores")

    def cores(*chains: Chain) -> list[list[int]]:
        Pool(chains, QUIET).run()
        logs = [job.folder / "job.log" for chain in chains for job in chain.jobs]
        return [json.loads(log.read_text()) for log in logs]

    def job(name: str) -> Job:
        return Job(name, "show", (), tmp_path / name, 1.0)

    several = cores(*(Chain((job(f"job_{number}"),)) for number in range(core_count())))
    assert sorted(several) == [[core] for core in sorted(os.sched_getaffinity(0))]
    (alone,) = cores(Chain((job("alone"),), alone=True))
    assert len(alone) == core_count()


def test_a_job_waits_for_one_that_still_works_in_its_folder(tmp_path):
    """As after a pool was killed, whose jobs go on."""
    job = ball(tmp_path, "optimizer.iterations=2")
    job.folder.mkdir()
    program = f"""
import pathlib
from rich.console import Console
from tests.cli.test_jobs import Chain, Pool, ball
Pool([Chain((ball(pathlib.Path({str(tmp_path)!r}), "optimizer.iterations=2"),))], Console()).run()
"""
    with held(job.folder):
        process = subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert "waiting for another process" in process.stdout.readline()
        time.sleep(2 * jobs.POLL_S)
        assert not (job.folder / "job.log").exists()
    process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    assert record_of(job) is not None
