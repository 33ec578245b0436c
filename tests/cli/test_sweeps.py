"""Sweeps: each job ends as it would alone, none stops another, and what is done stays done."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from diffsim.experiment.device import core_count
from tests.commands import diffsim_run, start_run

SHORT = ("optimizer=cmaes", "optimizer.iterations=1", "task.duration=0.1", "device=cpu")
HERE = "hydra.sweep.dir=here"
BAD = "robot.friction must be >= 0, got -1.0"


def statuses(folder: Path) -> dict[str, str]:
    """The status of every job, by its folder's name."""
    found = folder.glob("job_*/status.json")
    return {path.parent.name: json.loads(path.read_text())["status"] for path in found}


def written(folder: Path) -> dict[str, int]:
    """When each job's metrics were written last."""
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("job_*/metrics.csv")}


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Three jobs, of which one fails; the folder that they were started in, and what was told."""
    home = tmp_path_factory.mktemp("sweep")
    return home, diffsim_run("-m", *SHORT, "robot.friction=0.5,-1,0.6", HERE, folder=home)


def test_a_job_that_fails_does_not_stop_the_others(sweep):
    home, done = sweep
    assert statuses(home / "here") == {"job_0": "finished", "job_1": "failed", "job_2": "finished"}
    assert done.returncode == 1
    assert "2 of 3 jobs are finished" in done.stdout
    (line,) = done.stderr.strip().splitlines()
    assert line.strip().startswith("job_1 (")
    assert "robot.friction=-1" in line
    assert line.endswith(f"failed, {BAD}")


def test_the_same_sweep_again_runs_only_what_is_not_finished(sweep, tmp_path):
    shutil.copytree(sweep[0] / "here", tmp_path / "here")
    shutil.rmtree(tmp_path / "here" / "job_2")
    before = written(tmp_path / "here")
    done = diffsim_run("-m", *SHORT, "robot.friction=0.5,-1,0.6", HERE, folder=tmp_path)
    assert done.returncode == 1
    assert "job_0 is finished already" in done.stdout
    after = written(tmp_path / "here")
    assert after.keys() == {"job_0", "job_2"}
    assert after["job_0"] == before["job_0"]


def test_a_whole_sweep_can_be_resumed(sweep, tmp_path):
    """From its folder alone; here after its second job was killed."""
    folder = tmp_path / "here, in=a folder"
    shutil.copytree(sweep[0] / "here", folder)
    (folder / "job_2" / "status.json").write_text('{"status": "running", "reason": ""}')
    done = diffsim_run(f"resume='{folder}'", folder=tmp_path)
    assert "2 of 3 jobs are finished" in done.stdout, done.stderr
    assert "job_0 is finished already" in done.stdout
    assert "Going on after iteration 1" in done.stdout
    assert statuses(folder)["job_2"] == "finished"
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_another_sweep_does_not_mix_with_it(sweep):
    home, _ = sweep
    before = written(home / "here")
    done = diffsim_run("-m", *SHORT, "robot.friction=0.5,0.7", HERE, folder=home)
    assert done.returncode == 2
    assert "hydra.sweep.dir must be a new folder or that of the same sweep" in done.stderr
    assert done.stderr.count("\n") == 1
    assert written(home / "here") == before


@pytest.mark.parametrize(
    "launcher", ["joblib", pytest.param("submitit_local", marks=pytest.mark.slow)]
)
def test_jobs_may_run_side_by_side(launcher, tmp_path):
    pytest.importorskip(f"hydra_plugins.hydra_{launcher.split('_')[0]}_launcher")
    done = diffsim_run(
        *("-m", *SHORT, "seed=0,1,-1", HERE, f"hydra/launcher={launcher}"), folder=tmp_path
    )
    assert statuses(tmp_path / "here") == {
        "job_0": "finished",
        "job_1": "finished",
        "job_2": "failed",
    }
    assert done.returncode == 1
    assert "2 of 3 jobs are finished" in done.stdout
    assert "seed must be >= 0, got -1" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("plugin", ["launcher=ray", "sweeper=optuna"])
def test_other_plug_ins_work_if_they_are_installed(plugin, tmp_path):
    kind, name = plugin.split("=")
    pytest.importorskip(f"hydra_plugins.hydra_{name}_{kind}")
    searched = "seed=0,1" if kind == "launcher" else "robot.friction=interval(0.1,1)"
    more = () if kind == "launcher" else ("hydra.sweeper.n_trials=2",)
    done = diffsim_run("-m", *SHORT, searched, HERE, f"hydra/{plugin}", *more, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 jobs are finished" in done.stdout


def test_processes_side_by_side_share_the_cores(tmp_path):
    """Each takes cores that no other has; those of a process that has ended are free again."""
    program = (
        "import os, sys; from pathlib import Path; from diffsim.cli.sweep import _take_cores; "
        f"_take_cores(Path({str(tmp_path)!r}), -1); "
        "print(sorted(os.sched_getaffinity(0)), flush=True); sys.stdin.read()"
    )

    def process() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, text=True)

    def cores(one: subprocess.Popen[str]) -> list[int]:
        return json.loads(one.stdout.readline())

    workers = [process() for _ in range(core_count())]
    shares = [cores(worker) for worker in workers]
    assert all(len(share) == 1 for share in shares)
    assert len({share[0] for share in shares}) == core_count()
    workers[0].communicate()
    next_one = process()
    assert cores(next_one) == shares[0]
    for worker in (*workers[1:], next_one):
        worker.communicate()


@pytest.mark.slow
def test_sweeps_that_start_together_do_not_collide(tmp_path):
    processes = [start_run(tmp_path, "-m", *SHORT, "seed=0,1") for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    folders = list(tmp_path.glob("outputs/*/*_sweep_*"))
    assert len(folders) == 3
    for folder in folders:
        assert statuses(folder) == {"job_0": "finished", "job_1": "finished"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_jobs_of_which_five_fail(tmp_path):
    """Killed half-way and run again: only what is missing runs."""
    seeds = ",".join(map(str, range(-5, 95)))
    sweep = ("-m", *SHORT, f"seed={seeds}", HERE, "hydra/launcher=joblib")
    process = start_run(tmp_path, *sweep)
    here = tmp_path / "here"
    while sum(status == "finished" for status in statuses(here).values()) < 40:
        assert process.poll() is None
    process.kill()
    process.wait()
    before = {name: at for name, at in written(here).items() if statuses(here)[name] == "finished"}
    done = diffsim_run(*sweep, folder=tmp_path)
    assert done.returncode == 1
    assert "95 of 100 jobs are finished" in done.stdout
    assert len(done.stderr.strip().splitlines()) == 5
    assert before.items() <= written(here).items()
