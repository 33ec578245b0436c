"""What a run leaves in its folder, and that it can be trusted."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

import diffsim
from diffsim.runs.checkpoint import load_checkpoint
from diffsim.runs.folder import RunFolder
from tests.commands import TIMEOUT_S, diffsim_run, run_folders, start_run

COLUMNS = [*("iteration", "evaluations", "wall_s", "loss", "grad_norm", "clipped", "non_finite")]


def test_metrics_have_a_row_for_each_iteration(ball_run):
    metrics = pd.read_csv(ball_run.folder / "metrics.csv")
    assert list(metrics.columns[:7]) == COLUMNS
    assert list(metrics.columns[7:]) == ["position_error", "velocity_error", "spin_error"]
    assert list(metrics["iteration"]) == list(range(1, len(metrics) + 1))
    assert metrics["wall_s"].is_monotonic_increasing
    assert metrics.drop(columns="clipped").notna().all(axis=None)  # no limit is set


def test_the_manifest_says_where_the_result_comes_from(ball_run):
    manifest = json.loads((ball_run.folder / "manifest.json").read_text())
    assert manifest["config"]["robot"]["bodies"]["ball"]["radius"] == 0.5
    assert manifest["config"]["optimizer"]["method"] == "adam"
    assert manifest["versions"]["diffsim"] == diffsim.__version__
    assert {"jax", "numpy", "optax", "hydra-core"} <= set(manifest["versions"])
    assert manifest["device"]["platform"] == "cpu"
    assert manifest["seed"] == 0
    assert manifest["precision"] == "float32"
    assert "xla_cpu_use_multi_output_fusion" in manifest["xla_flags"]
    assert set(manifest["git"]) == {"commit", "dirty"} if manifest["git"] else True


def test_the_status_says_how_it_ended(ball_run):
    status = json.loads((ball_run.folder / "status.json").read_text())
    assert status["status"] == "finished"
    assert "goal met" in status["reason"]


def test_the_result_says_where_the_goal_of_the_trajectories_is(ball_run):
    assert RunFolder(ball_run.folder).goal().tolist() == [10.0, 0.0, 0.0]


@pytest.mark.parametrize("name", ["learning_curve.png", "trajectory.png", "filmstrip.png"])
def test_pictures_show_something(ball_run, name):
    with Image.open(ball_run.folder / name) as picture:
        assert min(picture.size) > 300
        assert len(set(picture.convert("L").get_flattened_data())) > 20


def test_the_replay_is_that_of_the_motion_after_training(ball_run):
    page = (ball_run.folder / "replay.html").read_text()
    data = json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)[1])
    after = pd.read_csv(ball_run.folder / "trajectory_after.csv")
    assert data["position"][-3:] == pytest.approx(after[["x", "y", "z"]].iloc[-1], abs=1e-3)
    assert data["goal"] == [10.0, 0.0, 0.0]


def test_the_output_ends_with_a_table_and_the_folder(ball_run):
    lines = ball_run.output.strip().splitlines()
    assert str(ball_run.folder) in lines[-1]
    assert any("goal met" in line for line in lines)
    # Not a terminal: plain lines, no control codes.
    assert "\x1b" not in ball_run.output


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["cmaes", "adam"])
def test_the_same_seed_gives_the_same_metrics_but_for_the_times(optimizer, tmp_path):
    for _ in range(2):
        done = diffsim_run(
            f"optimizer={optimizer}", "optimizer.iterations=12", "seed=3", folder=tmp_path
        )
        assert done.returncode == 0, done.stderr
    first, second = (
        pd.read_csv(folder / "metrics.csv", dtype=str).drop(columns="wall_s")
        for folder in run_folders(tmp_path)
    )
    assert first.equals(second)


@pytest.mark.slow
def test_another_seed_gives_other_metrics(tmp_path):
    for seed in (0, 1):
        diffsim_run("optimizer=cmaes", "optimizer.iterations=2", f"seed={seed}", folder=tmp_path)
    first, second = (pd.read_csv(f / "metrics.csv")["loss"] for f in run_folders(tmp_path))
    assert not first.equals(second)


def wait_for_rows(folder: Path, rows: int) -> Path:
    """Wait until a run below ``folder`` has so many lines in its metrics; its folder."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        for path in folder.glob("outputs/*/*/metrics.csv"):
            if path.read_bytes().count(b"\n") > rows:
                return path.parent
        time.sleep(0.02)
    raise AssertionError("the run did not get under way")


@pytest.mark.parametrize("rows", [1, pytest.param(30, marks=pytest.mark.slow)])
def test_a_killed_run_leaves_whole_lines_and_whole_checkpoints(rows, tmp_path):
    process = start_run(
        tmp_path, "optimizer.iterations=100000", "stop_on_success=false", "checkpoints.every=1"
    )
    try:
        folder = wait_for_rows(tmp_path, rows)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    text = (folder / "metrics.csv").read_text()
    assert text.endswith("\n")
    fields = {line.count(",") for line in text.splitlines()}
    assert len(fields) == 1
    found = RunFolder(folder).checkpoints()
    iterations = [load_checkpoint(path).iteration for path in found]
    assert iterations == sorted(iterations)
    assert len(text.splitlines()) - 1 - max(iterations, default=0) in (0, 1)
    assert json.loads((folder / "status.json").read_text())["status"] == "running"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_a_checkpoint_and_says_so(number, code, tmp_path):
    process = start_run(
        *(tmp_path, "optimizer.iterations=100000", "stop_on_success=false"),
        "checkpoints.every=100000",
    )
    folder = wait_for_rows(tmp_path, 3)
    process.send_signal(number)
    assert process.wait(TIMEOUT_S) == code
    status = json.loads((folder / "status.json").read_text())
    rows = len(pd.read_csv(folder / "metrics.csv"))
    assert status["status"] == "interrupted"
    assert status["reason"] == f"by {number.name}, after iteration {rows}"
    (path,) = RunFolder(folder).checkpoints()
    assert load_checkpoint(path).iteration == rows


@pytest.mark.parametrize("optimizer", ["adam", pytest.param("cmaes", marks=pytest.mark.slow)])
def test_a_diverging_run_stops_and_says_where(optimizer, tmp_path):
    done = diffsim_run(
        f"optimizer={optimizer}",
        "robot.bodies.ball.velocity=[1e38,0,0]",
        "simulation.gravity=[0,0,-1e38]",
        folder=tmp_path,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    (folder,) = run_folders(tmp_path)
    status = json.loads((folder / "status.json").read_text())
    assert status["status"] == "diverged"
    assert "iteration 1" in status["reason"]
    assert "body 'ball'" in status["reason"]


@pytest.mark.slow
def test_a_gradient_that_overflows_is_skipped_and_then_ends_the_run_where_it_began(tmp_path):
    # The pole stands upright exactly and stays so, but the derivative of its motion grows with
    # every second by more than e³.
    done = diffsim_run(
        *("experiment=swing_up", "robot.joints.pivot.position=[0.0]", "task.duration=60"),
        *("task.measure_after=4", "task.target=[0.5,0,1.6]", "simulation.dt=0.02"),
        *("task.start.position=0", "batch=1", "validation.every=0"),
        *(
            "optimizer.cotangent_limit=null",
            "optimizer.gradient_decay=1",
            "optimizer.max_skipped=2",
        ),
        folder=tmp_path,
    )
    assert done.returncode == 1
    (folder,) = run_folders(tmp_path)
    reason = json.loads((folder / "status.json").read_text())["reason"]
    assert reason.startswith("the gradient is not finite 2 times in a row at iteration 2 (going")
    step = int(re.search(r"going back in time, first at step (\d+), body '(cart|bar)'", reason)[1])
    assert 300 < step < 2700


def test_a_folder_that_holds_another_run_is_left_alone(ball_run):
    before = (ball_run.folder / "metrics.csv").read_bytes()
    done = diffsim_run(f"hydra.run.dir={ball_run.folder}", folder=ball_run.folder.parent)
    assert done.returncode == 2
    assert "holds another run" in done.stderr
    assert (ball_run.folder / "metrics.csv").read_bytes() == before


def test_runs_that_start_together_do_not_share_a_folder(tmp_path):
    runs = [start_run(tmp_path, "optimizer=cmaes", "optimizer.iterations=1") for _ in range(2)]
    assert [process.wait(TIMEOUT_S) for process in runs] == [0, 0]
    assert len(run_folders(tmp_path)) == 2


@pytest.mark.slow
def test_a_sweep_has_one_folder_with_one_for_each_job(tmp_path):
    done = diffsim_run(
        *("-m", "optimizer=cmaes", "optimizer.iterations=1", "seed=0,1"),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    folders = run_folders(tmp_path)
    assert len(folders) == 2
    assert len({folder.parent for folder in folders}) == 1
    seeds = [json.loads((f / "manifest.json").read_text())["seed"] for f in folders]
    assert seeds == [0, 1]
