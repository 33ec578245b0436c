"""Checkpoints come back as they were, or are refused."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from diffsim.experiment.checkpoint import (
    Checkpoint,
    CheckpointError,
    list_checkpoints,
    load_checkpoint,
    save_checkpoint,
)

CHECKPOINT = Checkpoint(
    iteration=3,
    evaluations=12,
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
    assert (loaded.iteration, loaded.evaluations) == (3, 12)
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


def test_an_unfinished_checkpoint_is_not_listed(tmp_path, monkeypatch):
    # A process that dies while writing leaves the temporary folder only.
    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.rename", die)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path, CHECKPOINT, keep=3)
    assert list_checkpoints(tmp_path) == []
