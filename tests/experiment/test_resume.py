"""A run that is stopped and resumed ends as if it had never been stopped."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from diffsim.cli.configuration import compose_config
from diffsim.evaluation.runner import load_run
from diffsim.experiment.check import check_run
from diffsim.experiment.manifest import restore_config
from diffsim.experiment.resume import resume, run_or_resume
from diffsim.experiment.runner import run
from diffsim.runs.checkpoint import CheckpointError, load_checkpoint
from diffsim.runs.files import held
from diffsim.runs.folder import RunFolder
from diffsim.validation import ConfigError
from tests.commands import diffsim_run

QUIET = Console(quiet=True)
ITERATIONS = 6


@pytest.fixture(scope="module", params=["adam", "cmaes"])
def whole(request, tmp_path_factory):
    """An uninterrupted run, in random episodes."""
    folder = tmp_path_factory.mktemp(request.param)
    config = compose_config(
        *("robot=cartpole", "task=swing_up", "controller=linear", "variables=controller"),
        *("task.duration=0.2", "task.measure_after=0.1", f"optimizer={request.param}", "batch=2"),
        *(f"optimizer.iterations={ITERATIONS}", "validation.every=2", "validation.episodes=4"),
        *("checkpoints.every=2", "device=cpu"),
    )
    run(config, folder, QUIET)
    return folder


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """The same of a program that is compiled quickly."""
    folder = tmp_path_factory.mktemp("short")
    config = compose_config(
        *("optimizer=cmaes", f"optimizer.iterations={ITERATIONS}", "task.duration=0.1"),
        *("checkpoints.every=2", "device=cpu"),
    )
    run(config, folder, QUIET)
    return folder


def stopped(whole, folder, after, rows):
    """A copy, as a run leaves it that was killed after a checkpoint and some more rows."""
    shutil.copytree(whole, folder, dirs_exist_ok=True)
    for checkpoint in RunFolder(folder).checkpoints():
        if load_checkpoint(checkpoint).iteration > after:
            shutil.rmtree(checkpoint)
    lines = (folder / "metrics.csv").read_text().splitlines(keepends=True)
    (folder / "metrics.csv").write_text("".join(lines[: rows + 1]))
    (folder / "status.json").write_text('{"status": "running", "reason": ""}')
    for name in ("result.json", "trajectory_after.csv"):
        (folder / name).unlink()
    return folder


@pytest.mark.parametrize(
    ("after", "rows"),
    [
        (4, 5),
        *(pytest.param(*at, marks=pytest.mark.slow) for at in ((0, 1), (2, 2), (6, 6))),
    ],
)
def test_it_ends_as_if_it_had_not_been_stopped(whole, tmp_path, after, rows):
    folder = stopped(whole, tmp_path, after, rows)
    resume(folder, QUIET)
    tables = [
        pd.read_csv(path / "metrics.csv", dtype=str).drop(columns="wall_s")
        for path in (whole, folder)
    ]
    pd.testing.assert_frame_equal(*tables)
    last = [load_checkpoint(RunFolder(path).checkpoints()[-1]) for path in (whole, folder)]
    for group, arrays in last[0].arrays.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, last[1].arrays[group][name])
    results = [json.loads((path / "result.json").read_text()) for path in (whole, folder)]
    for result in results:
        assert result.pop("wall_s") > 0.0
    assert results[0] == results[1]
    assert json.loads((folder / "status.json").read_text())["status"] == "finished"


def test_seconds_go_on(short, tmp_path):
    folder = stopped(short, tmp_path, 2, 2)
    resume(folder, QUIET)
    seconds = pd.read_csv(folder / "metrics.csv")["wall_s"]
    assert seconds.is_monotonic_increasing


def test_what_cannot_be_resumed_is_named(short, tmp_path):
    for folder, says in ((short, "has finished"), (tmp_path, "must be the folder of a run")):
        with pytest.raises(ConfigError, match=says):
            resume(folder, QUIET)
    folder = stopped(short, tmp_path, 2, 1)
    with pytest.raises(ConfigError, match="a row for each of 2 iterations"):
        resume(folder, QUIET)


def test_the_command_goes_on_in_the_runs_own_folder(short, tmp_path):
    folder = stopped(short, tmp_path / "run", 4, 4)
    done = diffsim_run("resume=run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Going on after iteration 4" in done.stdout
    assert (folder / "learning_curve.png").exists()
    assert not list((tmp_path / "outputs").glob("*/*"))


def test_a_run_that_is_worked_on_is_left_alone(short, tmp_path):
    folder = stopped(short, tmp_path, 2, 2)
    with held(folder), pytest.raises(ConfigError, match="worked in by another run"):
        resume(folder, QUIET)
    assert len((folder / "metrics.csv").read_text().splitlines()) == 3


def test_only_the_same_run_goes_on(short, tmp_path):
    folder = stopped(short, tmp_path, 4, 4)
    config = restore_config(RunFolder(short).config("run"))
    with pytest.raises(ConfigError, match="with another config"):
        run_or_resume(dataclasses.replace(config, seed=7), folder, QUIET)
    run_or_resume(config, folder, QUIET)
    assert RunFolder(folder).status().status == "finished"
    before = (folder / "metrics.csv").stat().st_mtime_ns
    run_or_resume(config, folder, QUIET)
    assert (folder / "metrics.csv").stat().st_mtime_ns == before


def flip_a_byte(checkpoint):
    """Damage a checkpoint as a bad disk does."""
    path = checkpoint / "arrays.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_a_damaged_checkpoint_is_refused_or_set_aside(short, tmp_path):
    """The message names those that are whole; from the newest of them the run ends as the other."""
    folder = stopped(short, tmp_path / "run", 4, 5)
    flip_a_byte(RunFolder(folder).checkpoints()[-1])
    done = diffsim_run("resume=run", folder=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "iteration_000000004 is damaged" in line
    assert (
        "; whole are iteration_000000002; to go on from the newest of them: skip_damaged=true"
        in line
    )

    done = diffsim_run("resume=run", "skip_damaged=true", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Damaged, and set aside: iteration_000000004." in done.stdout
    assert "Going on after iteration 2." in done.stdout
    assert (folder / "checkpoints" / "damaged_iteration_000000004").is_dir()
    tables = [
        pd.read_csv(path / "metrics.csv", dtype=str).drop(columns="wall_s")
        for path in (short, folder)
    ]
    pd.testing.assert_frame_equal(*tables)
    last = [load_checkpoint(RunFolder(path).checkpoints()[-1]) for path in (short, folder)]
    assert last[0].iteration == last[1].iteration == ITERATIONS
    np.testing.assert_array_equal(last[0].arrays["best"]["x"], last[1].arrays["best"]["x"])


@pytest.mark.parametrize("skip", [False, True])
def test_nothing_is_set_aside_where_no_checkpoint_is_whole(skip, short, tmp_path):
    folder = stopped(short, tmp_path, 4, 5)
    for checkpoint in RunFolder(folder).checkpoints():
        flip_a_byte(checkpoint)
    with pytest.raises(CheckpointError, match=r"is damaged: .*; no older one is whole"):
        resume(folder, QUIET, skip)
    assert len(RunFolder(folder).checkpoints()) == 2


def test_damaged_checkpoints_are_skipped_by_resume_alone():
    with pytest.raises(ConfigError, match="skip_damaged must be false without resume"):
        check_run(compose_config("skip_damaged=true"))


def test_an_evaluation_names_the_checkpoints_that_are_whole(short, tmp_path):
    folder = stopped(short, tmp_path, 6, 6)
    flip_a_byte(RunFolder(folder).checkpoints()[-1])
    with pytest.raises(
        CheckpointError, match=r"whole are iteration_000000004, iteration_000000002$"
    ):
        load_run(folder)
