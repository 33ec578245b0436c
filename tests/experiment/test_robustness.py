"""Runs that are killed at any moment, or whose disk is full, lose nothing that was there."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from diffsim.runs.checkpoint import load_checkpoint
from diffsim.runs.folder import RunFolder
from tests.commands import TIMEOUT_S, diffsim_run, start_run

KILLS = 100
LEARNING = (
    *("robot=cartpole", "task=swing_up", "task.duration=0.1", "task.measure_after=0"),
    *("controller=dense", "variables=controller", "stop_on_success=false"),
)
SIZE_KB = 400
"""Of a disk that is full soon."""


def fingerprint(folder: Path) -> str:
    """SHA-256 of the metrics without their seconds, and of the newest checkpoint's arrays."""
    metrics = pd.read_csv(folder / "metrics.csv", dtype=str).drop(columns="wall_s")
    newest = RunFolder(folder).checkpoints()[-1]
    load_checkpoint(newest)
    data = metrics.to_csv().encode() + (newest / "arrays.safetensors").read_bytes()
    return hashlib.sha256(data).hexdigest()


@pytest.mark.slow
def test_two_processes_give_the_same_metrics_and_weights(tmp_path):
    for name in ("first", "second"):
        done = diffsim_run(
            *(*LEARNING, "optimizer.iterations=3", f"hydra.run.dir={name}"),
            folder=tmp_path,
        )
        assert done.returncode == 0, done.stderr
    assert fingerprint(tmp_path / "first") == fingerprint(tmp_path / "second")


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("optimizer", ["adam", "cmaes"])
def test_killed_at_many_random_moments_it_ends_as_if_left_alone(optimizer, tmp_path):
    """Every time the newest checkpoint loads, and the next process goes on from there."""
    options = (
        *(f"optimizer={optimizer}", "optimizer.iterations=40000", "stop_on_success=false"),
        *("task.duration=0.1", "checkpoints.every=5", "device=cpu", "output_root=."),
        *(("optimizer.schedule=constant",) if optimizer == "adam" else ()),
    )
    # How far a process gets says how long the run must be, to be killed so many times.
    rng = random.Random(0)
    killed = tmp_path / "killed"
    arguments: tuple[str, ...] = (*options, "hydra.run.dir=killed")
    for _ in range(KILLS):
        process = start_run(tmp_path, *arguments)
        began = time.monotonic()
        while not (killed / "manifest.json").exists() and process.poll() is None:
            assert time.monotonic() - began < TIMEOUT_S
            time.sleep(0.01)
        # What the first one has compiled is there for the others.
        while not RunFolder(killed).checkpoints() and process.poll() is None:
            assert time.monotonic() - began < TIMEOUT_S
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 3.0))
        process.kill()
        process.wait()
        for path in RunFolder(killed).checkpoints():
            load_checkpoint(path)
        arguments = ("resume=killed",)
    done = len(pd.read_csv(killed / "metrics.csv"))
    assert done > 5
    # The rest in one go, but no further than what is compared.
    manifest = json.loads((killed / "manifest.json").read_text())
    manifest["config"]["optimizer"]["iterations"] = done + 10
    (killed / "manifest.json").write_text(json.dumps(manifest))
    assert diffsim_run("resume=killed", folder=tmp_path).returncode == 0
    alone = (f"optimizer.iterations={done + 10}", "hydra.run.dir=alone")
    assert diffsim_run(*options, *alone, folder=tmp_path).returncode == 0
    assert fingerprint(killed) == fingerprint(tmp_path / "alone")


def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path):
    (tmp_path / "disk").mkdir()
    mount = f"mount -t tmpfs -o size={SIZE_KB}k tmpfs disk"
    works = shutil.which("unshare") and (
        subprocess.run(
            ["unshare", "-rm", "sh", "-c", mount], cwd=tmp_path, capture_output=True, check=False
        ).returncode
        == 0
    )
    if not works:
        pytest.skip("a small disk of one's own cannot be made here")
    # Checkpoints of a net of 4,000 weights fill it after some iterations.
    run = (
        f"{sys.executable} -m diffsim.cli.run {' '.join(LEARNING)} 'controller.hidden=[64,64]' "
        "optimizer.iterations=1000 checkpoints.every=1 checkpoints.keep=100 hydra.run.dir=disk/run"
    )
    done = subprocess.run(
        [
            "unshare",
            "-rm",
            "sh",
            "-c",
            f"{mount} && {run}; code=$?; cp -r disk/run kept; exit $code",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    found = [load_checkpoint(path) for path in RunFolder(tmp_path / "kept").checkpoints()]
    iterations = [checkpoint.iteration for checkpoint in found]
    assert iterations == list(range(1, len(iterations) + 1))
    assert len(iterations) > 1
    rows = pd.read_csv(tmp_path / "kept" / "metrics.csv")
    assert len(rows) >= len(iterations)
