"""Sweeps: each job ends as it would alone, none stops another, and what is done stays done."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from diffsim.experiment.device import core_count
from diffsim.runs.files import is_held
from diffsim.runs.folder import RunFolder
from tests.commands import diffsim_bench, diffsim_run, start_run, wait_for

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


def rows(job: Path) -> int:
    """Iterations whose metrics are written."""
    path = job / "metrics.csv"
    return len(path.read_text().splitlines()) - 1 if path.exists() else 0


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
    "launcher", ["processes", pytest.param("submitit_local", marks=pytest.mark.slow)]
)
def test_jobs_may_run_side_by_side(launcher, tmp_path):
    """In a folder with an odd name, and as a search does it: some jobs, and then the next ones."""
    if launcher == "submitit_local":
        pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    here = tmp_path / "here, in=größe"
    sweep = ("-m", *SHORT, "seed=0,1,-1", f"hydra.sweep.dir='{here}'", f"hydra/launcher={launcher}")
    done = diffsim_run(*sweep, "hydra.sweeper.max_batch_size=2", folder=tmp_path)
    assert statuses(here) == {
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


LONG = (*("optimizer=cmaes", "optimizer.iterations=2000", "stop_on_success=false"), *SHORT[2:])
TWO = (HERE, "hydra/launcher=processes", "hydra.launcher.n_jobs=2")


def start_two(folder: Path, seeds: str) -> subprocess.Popen[bytes]:
    """Start a sweep of long jobs, two at once, and wait until both are training."""
    process = start_run(folder, "-m", *LONG, seeds, *TWO)
    jobs = [folder / "here" / name for name in ("job_0", "job_1")]
    wait_for(lambda: all(rows(job) > 3 for job in jobs), process)
    return process


@pytest.mark.skipif(core_count() < 2, reason="for two jobs at once")
def test_a_parallel_sweep_is_stopped_as_a_whole_and_goes_on(tmp_path):
    """Ctrl-C leaves a checkpoint of every job that runs; those are where the next call goes on."""
    process, here = start_two(tmp_path, "seed=0,1,-1"), tmp_path / "here"
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert statuses(here) == {"job_0": "interrupted", "job_1": "interrupted"}
    before = rows(here / "job_0")
    done = diffsim_run("resume=here", folder=tmp_path)
    assert done.returncode == 1
    assert "2 of 3 jobs are finished" in done.stdout, done.stderr
    assert statuses(here)["job_2"] == "failed"
    assert "Going on after iteration" in (here / "job_0" / "job.log").read_text()
    assert before < rows(here / "job_0") == 2000


@pytest.mark.slow
@pytest.mark.skipif(core_count() < 2, reason="for two jobs at once")
def test_two_signals_leave_no_job_behind(tmp_path):
    process, here = start_two(tmp_path, "seed=0,1"), tmp_path / "here"
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    wait_for(lambda: not (is_held(here / "job_0") or is_held(here / "job_1")))
    assert set(statuses(here).values()) == {"interrupted"}


@pytest.mark.slow
def test_a_job_is_the_command_for_it_alone(tmp_path):
    """Whatever the sweep was given of Hydra's: its folders, its main config, its mode."""
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    (tmp_path / "mine" / "other.yaml").write_text("defaults: [run, _self_]\nseed: 7\n")
    mode = "# @package _global_\nhydra: {mode: MULTIRUN}\nname: run_${hydra:job.num}\n"
    (tmp_path / "mine" / "experiment" / "swept.yaml").write_text(mode)
    done = diffsim_run(
        *("--config-dir", "mine", "--config-name", "other", "-m", *SHORT, "experiment=swept"),
        *("robot.friction=0.3,0.4", HERE, "hydra/launcher=processes"),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    manifests = [RunFolder(tmp_path / "here" / f"job_{n}").manifest()["config"] for n in (0, 1)]
    assert [config["name"] for config in manifests] == ["run_0", "run_1"]
    assert [config["seed"] for config in manifests] == [7, 7]


def test_other_programs_have_no_such_jobs(tmp_path):
    done = diffsim_bench("-m", "robot=arm,ball", "hydra/launcher=processes", folder=tmp_path)
    assert done.returncode == 2
    assert "hydra/launcher=processes is for diffsim-run alone, got diffsim-bench" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_run_that_goes_on_is_not_given_other_values(sweep):
    home, _ = sweep
    shutil.copytree(home / "here" / "job_0", home / "stopped")
    (home / "stopped" / "status.json").write_text('{"status": "interrupted", "reason": ""}')
    done = diffsim_run("resume=stopped", "optimizer.iterations=3", folder=home)
    assert done.returncode == 2
    assert "resume goes on with the config of the run in 'stopped'" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("n_jobs", "message"),
    [("0", "n_jobs must be >= 1, or null, got 0"), ("x", "n_jobs: Value 'x' of type 'str'")],
)
def test_a_wrong_number_of_jobs_is_refused_in_a_line(n_jobs, message, tmp_path):
    done = diffsim_run(
        *("-m", *SHORT, "seed=0,1", HERE, "hydra/launcher=processes"),
        f"hydra.launcher.n_jobs={n_jobs}",
        folder=tmp_path,
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


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
    sweep = ("-m", *SHORT, f"seed={seeds}", HERE, "hydra/launcher=processes")
    process = start_run(tmp_path, *sweep)
    here = tmp_path / "here"
    wait_for(lambda: list(statuses(here).values()).count("finished") >= 40, process)
    process.kill()
    process.wait()
    before = {name: at for name, at in written(here).items() if statuses(here)[name] == "finished"}
    done = diffsim_run(*sweep, folder=tmp_path)
    assert done.returncode == 1
    assert "95 of 100 jobs are finished" in done.stdout
    assert len(done.stderr.strip().splitlines()) == 5
    assert before.items() <= written(here).items()
