"""Files that are either there whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until a folder's entries are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, content: Any) -> None:
    """Replace a JSON file at once: readers see the old content or the new, never a part."""
    temporary = path.with_name(f".{path.name}.tmp")
    write_synced(temporary, (json.dumps(content, indent=2) + "\n").encode())
    temporary.replace(path)
    sync_folder(path.parent)
