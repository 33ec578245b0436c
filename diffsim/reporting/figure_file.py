"""Pictures as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from diffsim.runs.files import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_figure(figure: Figure, path: Path, dpi: int) -> Path:
    """Write a picture, whole or not at all; its path."""
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=dpi, format="png")
    return path
