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

from diffsim.experiment.files import sync_folder, write_synced

FORMAT_VERSION = 1
_ARRAYS, _CONTENTS, _SUMS = "arrays.safetensors", "checkpoint.json", "SHA256SUMS"


class CheckpointError(Exception):
    """A checkpoint that is incomplete, damaged or of another kind; the message says which."""


class Checkpoint(NamedTuple):
    """What a checkpoint holds.

    Attributes:
        iteration: how many iterations were done.
        evaluations: how many episodes were simulated.
        arrays: by group, then by name: "variables" and "optimizer".
    """

    iteration: int
    evaluations: int
    arrays: dict[str, dict[str, np.ndarray]]


def save_checkpoint(folder: Path, checkpoint: Checkpoint, keep: int) -> Path:
    """Write a checkpoint under ``folder`` and delete all but the newest ``keep``; its path."""
    flat = {
        f"{group}/{name}": np.asarray(array, order="C")
        for group, arrays in checkpoint.arrays.items()
        for name, array in arrays.items()
    }
    contents = {
        "format": FORMAT_VERSION,
        "iteration": checkpoint.iteration,
        "evaluations": checkpoint.evaluations,
        "arrays": {name: [str(a.dtype), list(a.shape)] for name, a in sorted(flat.items())},
    }
    files = {
        _ARRAYS: save(flat),
        _CONTENTS: (json.dumps(contents, indent=2) + "\n").encode(),
    }
    files[_SUMS] = _checksums(files)

    path = folder / f"iteration_{checkpoint.iteration:06d}"
    temporary = folder / f".{path.name}.tmp"
    folder.mkdir(exist_ok=True)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    for name, data in files.items():
        write_synced(temporary / name, data)
    sync_folder(temporary)
    if path.exists():
        shutil.rmtree(path)
    temporary.rename(path)
    sync_folder(folder)
    for old in list_checkpoints(folder)[:-keep]:
        shutil.rmtree(old)
    return path


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
    return Checkpoint(contents["iteration"], contents["evaluations"], arrays)


def list_checkpoints(folder: Path) -> list[Path]:
    """The complete checkpoints under a folder, oldest first."""
    return sorted(folder.glob("iteration_*")) if folder.is_dir() else []


def _checksums(files: dict[str, bytes]) -> bytes:
    """SHA-256 of each file, as ``sha256sum`` writes them."""
    return "".join(
        f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in (_ARRAYS, _CONTENTS)
    ).encode()
