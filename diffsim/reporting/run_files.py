"""Reads the files of one run's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROTATION = ("r_xx", "r_xy", "r_xz", "r_yx", "r_yy", "r_yz", "r_zx", "r_zy", "r_zz")
"""Columns of a trajectory: a body's rotation matrix, by rows."""


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """The content of a JSON file of a run."""
    content: dict[str, Any] = json.loads((folder / name).read_text())
    return content


def read_metrics(folder: Path) -> pd.DataFrame:
    """``metrics.csv`` as a table, one row for each iteration."""
    return pd.read_csv(folder / "metrics.csv")


def read_trajectory(folder: Path, which: str) -> pd.DataFrame:
    """The trajectory "before" or "after" training, one row for each time and body."""
    path = folder / f"trajectory_{which}.csv"
    return pd.read_csv(path, dtype={"body": str}, keep_default_na=False)


def read_goal(folder: Path) -> np.ndarray | None:
    """Where the goal is in the episode of the trajectories [m], shape (3,), if there is one."""
    if not (folder / "result.json").exists():
        return None
    goal = read_json(folder, "result.json").get("goal")
    return None if goal is None else np.asarray(goal)
