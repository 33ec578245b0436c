"""Checkpoints come back as they were, or are refused."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from diffsim.runs.checkpoint import (
    Checkpoint,
    CheckpointError,
    list_checkpoints,
    load_checkpoint,
    save_checkpoint,
)

CHECKPOINT = Checkpoint(
    iteration=3,
    evaluations=12,
    best={"loss": 0.5, "succeeded": False},
    arrays={
        "variables": {"velocity": np.array([1.0, 2.0, 3.0], np.float32)},
        "optimizer": {"0000": np.arange(6.0).reshape(2, 3), "0001": np.array(7, np.int32)},
    },
)


@pytest.fixture
def saved(tmp_path):
    return save_checkpoint(tmp_path, CHECKPOINT, keep=5)


def test_a_checkpoint_comes_back_as_it_was(saved):
    loaded = load_checkpoint(saved)
    assert (loaded.iteration, loaded.evaluations, loaded.best) == (3, 12, CHECKPOINT.best)
    assert loaded.arrays.keys() == CHECKPOINT.arrays.keys()
    for group, arrays in CHECKPOINT.arrays.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(loaded.arrays[group][name], array)
            assert loaded.arrays[group][name].dtype == array.dtype
            assert loaded.arrays[group][name].shape == array.shape


@pytest.mark.parametrize("name", ["arrays.safetensors", "checkpoint.json", "SHA256SUMS"])
def test_every_flipped_bit_is_refused(saved, name):
    path = saved / name
    good = path.read_bytes()
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 1 << (position % 8)
        path.write_bytes(bytes(bad))
        with pytest.raises(CheckpointError, match="is damaged"):
            load_checkpoint(saved)
    path.write_bytes(good)
    load_checkpoint(saved)


@pytest.mark.parametrize("name", ["arrays.safetensors", "checkpoint.json", "SHA256SUMS"])
def test_every_truncation_is_refused(saved, name):
    path = saved / name
    good = path.read_bytes()
    for length in range(len(good)):
        path.write_bytes(good[:length])
        with pytest.raises(CheckpointError, match="is damaged"):
            load_checkpoint(saved)


def test_a_missing_file_is_refused(saved):
    (saved / "checkpoint.json").unlink()
    with pytest.raises(CheckpointError, match=r"checkpoint\.json"):
        load_checkpoint(saved)


def test_the_sums_can_be_checked_with_the_usual_tool(saved):
    subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=saved, check=True)


def test_only_the_newest_are_kept(tmp_path):
    for iteration in range(1, 8):
        save_checkpoint(tmp_path, CHECKPOINT._replace(iteration=iteration), keep=3)
    kept = [load_checkpoint(path).iteration for path in list_checkpoints(tmp_path)]
    assert kept == [5, 6, 7]


class Died(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("call", range(1, 12))
def test_a_process_may_die_at_any_point(call, tmp_path, monkeypatch):
    """Whatever call on files is the last one: what is listed can be loaded, and nothing is lost."""
    for iteration in (1, 2):
        save_checkpoint(tmp_path, CHECKPOINT._replace(iteration=iteration), keep=2)
    calls = 0

    def dying(function):
        def wrapped(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls == call:
                raise Died
            return function(*arguments, **options)

        return wrapped

    # Files are deleted one by one, so a folder that is being deleted is the first to be broken.
    with monkeypatch.context() as patch:
        for name in ("mkdir", "open", "rename"):
            patch.setattr(f"pathlib.Path.{name}", dying(getattr(Path, name)))
        for name in ("unlink", "rmdir"):
            patch.setattr(f"os.{name}", dying(getattr(os, name)))
        with contextlib.suppress(Died):
            save_checkpoint(tmp_path, CHECKPOINT._replace(iteration=3), keep=2)
    found = [load_checkpoint(path).iteration for path in list_checkpoints(tmp_path)]
    assert found in ([1, 2], [1, 2, 3], [2, 3])
    save_checkpoint(tmp_path, CHECKPOINT._replace(iteration=4), keep=2)
    assert len(list(tmp_path.iterdir())) == 2
