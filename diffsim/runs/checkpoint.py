"""Checkpoints that are complete or absent, and refused when damaged.

A checkpoint is a folder with ``arrays.safetensors``, ``checkpoint.json`` (iteration, evaluations,
what the arrays are) and ``SHA256SUMS`` over both, in the format of ``sha256sum``. It is written
under a temporary name, synced, and renamed. Nothing in it can execute code.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from diffsim.runs.files import sync, write_synced

FORMAT_VERSION = 1
_ARRAYS, _CONTENTS, _SUMS = "arrays.safetensors", "checkpoint.json", "SHA256SUMS"
_UNFINISHED = ".unfinished_"


class CheckpointError(Exception):
    """A checkpoint that is incomplete, damaged or of another kind; the message says which."""


class Checkpoint(NamedTuple):
    """Contents of a checkpoint.

    Attributes:
        iteration: how many iterations were done.
        evaluations: how many episodes were simulated.
        best: loss, metrics and success of the best point so far; the seconds of the run, and how
            many gradients or points were not finite.
        arrays: by group, then by name: "variables", the best point in the variables' own units;
            "best", the same as the optimiser's vector; "optimizer", its state.
    """

    iteration: int
    evaluations: int
    best: dict[str, Any]
    arrays: dict[str, dict[str, np.ndarray]]


def save_checkpoint(folder: Path, checkpoint: Checkpoint, keep: int) -> Path:
    """Write a checkpoint under ``folder`` and delete all but the newest ``keep``; its path."""
    folder.mkdir(exist_ok=True)
    sync(folder.parent)
    _remove_leftovers(folder)
    flat = {
        f"{group}/{name}": np.asarray(array, order="C")
        for group, arrays in checkpoint.arrays.items()
        for name, array in arrays.items()
    }
    contents = {
        "format": FORMAT_VERSION,
        "iteration": checkpoint.iteration,
        "evaluations": checkpoint.evaluations,
        "best": checkpoint.best,
        "arrays": {name: [str(a.dtype), list(a.shape)] for name, a in sorted(flat.items())},
    }
    files = {
        _ARRAYS: save(flat),
        _CONTENTS: (json.dumps(contents, indent=2) + "\n").encode(),
    }
    files[_SUMS] = _checksums(files)

    path = folder / f"iteration_{checkpoint.iteration:09d}"
    temporary = folder / f"{_UNFINISHED}{path.name}"
    temporary.mkdir()
    for name, data in files.items():
        write_synced(temporary / name, data)
    sync(temporary)
    _set_aside(path)
    temporary.rename(path)
    for old in list_checkpoints(folder)[:-keep]:
        _set_aside(old)
    sync(folder)
    _remove_leftovers(folder)
    return path


def _set_aside(path: Path) -> None:
    """Take a checkpoint off the list at once: deleting its files one by one could be cut off."""
    if path.exists():
        path.rename(path.with_name(f"{_UNFINISHED}old_{path.name}"))


def _remove_leftovers(folder: Path) -> None:
    """Delete what was set aside, and what a process that died was writing."""
    for leftover in folder.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(leftover)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint after verifying every byte of it.

    Raises:
        CheckpointError: if a file is missing or differs from what was written.
    """
    try:
        files = {name: (path / name).read_bytes() for name in (_ARRAYS, _CONTENTS, _SUMS)}
    except OSError as error:
        raise CheckpointError(f"checkpoint {path} cannot be read: {error}") from error
    sums = files.pop(_SUMS)
    if sums != _checksums(files):
        raise CheckpointError(
            f"checkpoint {path} is damaged: its files do not match their SHA-256 in {_SUMS}"
        )
    try:
        contents: dict[str, Any] = json.loads(files[_CONTENTS])
        flat = load(files[_ARRAYS])
    except (ValueError, SafetensorError) as error:
        raise CheckpointError(f"checkpoint {path} cannot be read: {error}") from error
    if contents.get("format") != FORMAT_VERSION:
        raise CheckpointError(
            f"checkpoint {path} has format {contents.get('format')}, "
            f"this version reads {FORMAT_VERSION}"
        )
    arrays: dict[str, dict[str, np.ndarray]] = {}
    for full_name, array in flat.items():
        group, name = full_name.split("/", 1)
        arrays.setdefault(group, {})[name] = array
    return Checkpoint(contents["iteration"], contents["evaluations"], contents["best"], arrays)


def list_checkpoints(folder: Path) -> list[Path]:
    """The complete checkpoints under a folder, oldest first."""
    return sorted(folder.glob("iteration_*")) if folder.is_dir() else []


def _checksums(files: dict[str, bytes]) -> bytes:
    """SHA-256 of each file, as ``sha256sum`` writes them."""
    return "".join(
        f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in (_ARRAYS, _CONTENTS)
    ).encode()


def load_newest(checkpoints: list[Path], remedy: str = "") -> Checkpoint:
    """The newest checkpoint.

    Args:
        checkpoints: at least one, oldest first.
        remedy: what can be done if it is damaged but another one is whole; for the message.

    Raises:
        CheckpointError: if it is damaged; the message names those that are not.
    """
    try:
        return load_checkpoint(checkpoints[-1])
    except CheckpointError as error:
        whole = [path.name for path in reversed(checkpoints[:-1]) if _is_whole(path)]
        if not whole:
            raise CheckpointError(f"{error}; no older one is whole") from error
        raise CheckpointError(f"{error}; whole are {', '.join(whole)}{remedy}") from error


def damaged(checkpoints: list[Path]) -> list[Path]:
    """The checkpoints that are newer than the newest whole one; all of them if none is."""
    found: list[Path] = []
    for path in reversed(checkpoints):
        if _is_whole(path):
            break
        found.append(path)
    return found


def _is_whole(checkpoint: Path) -> bool:
    try:
        load_checkpoint(checkpoint)
    except CheckpointError:
        return False
    return True
