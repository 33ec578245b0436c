"""Files that are either there whole or not at all."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from typing import Any

from diffsim.validation import ConfigError


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Replace a file at once: readers see the old content or the new, never a part.

    The path that is given back is one to write to; that file takes the other's place in the end.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes of this machine from working in a folder.

    Raises:
        ConfigError: if one is at it already.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)  # gone with the process, however that ends
        except BlockingIOError as error:
            raise ConfigError(f"the folder {folder} is being worked in by another run") from error
        yield
    finally:
        os.close(descriptor)


def is_held(folder: Path) -> bool:
    """Return whether a process of this machine works in a folder (``held``)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        flock(descriptor, LOCK_SH | LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def write_json(path: Path, content: Any, indent: int | None = 2) -> None:
    """Replace a JSON file at once (``written_whole``).

    Numbers that JSON does not have are written as the strings "inf", "-inf" and "nan".

    Args:
        path: of the file.
        content: what JSON can hold.
        indent: spaces of a level, None for everything in one line.
    """
    text = json.dumps(_encode(content), indent=indent, allow_nan=False)
    with written_whole(path) as temporary:
        temporary.write_text(f"{text}\n")


def _encode(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _encode(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_encode(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return str(content)
    return content
