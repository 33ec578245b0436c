"""Reads the files of one run's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROTATION = ("r_xx", "r_xy", "r_xz", "r_yx", "r_yy", "r_yz", "r_zx", "r_zy", "r_zz")
"""Columns of a trajectory: a body's rotation matrix, by rows."""

FURTHEST = 1e6
"""Coordinates up to which bodies are drawn [m]: a motion that diverges goes beyond all limits."""


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
    columns = path.read_text().partition("\n")[0].split(",")
    unknown = {name: ["", "nan"] for name in columns if name != "body"}
    return pd.read_csv(path, dtype={"body": str}, keep_default_na=False, na_values=unknown)


def drawable_part(trajectory: pd.DataFrame) -> pd.DataFrame:
    """The rows before the first time at which a number is not finite or a body is too far away."""
    broken = trajectory["time"][~(_finite(trajectory) & _near(trajectory))]
    return trajectory if broken.empty else trajectory[trajectory["time"] < broken.min()]


def cut_off(trajectory: pd.DataFrame) -> str:
    """Text that says where, and why, a trajectory is cut off; empty if it is not."""
    finite = _finite(trajectory)
    broken = ~(finite & _near(trajectory))
    if not broken.any():
        return ""
    first = trajectory["time"] == trajectory["time"][broken].min()
    why = f"more than {FURTHEST / 1000:g} km away" if finite[first].all() else "not finite"
    return f"{why} from {trajectory['time'][first].min():g} s on"


def _finite(trajectory: pd.DataFrame) -> np.ndarray:
    """Rows whose numbers are all finite, shape (rows,)."""
    numbers = trajectory.drop(columns=["time", "body"]).to_numpy(float)
    return np.isfinite(numbers).all(axis=1)


def _near(trajectory: pd.DataFrame) -> np.ndarray:
    """Rows whose body is not too far away, shape (rows,)."""
    return (trajectory[["x", "y", "z"]].abs() <= FURTHEST).all(axis=1).to_numpy()


def save_figure(figure: Figure, path: Path, dpi: int) -> Path:
    """Write a picture, whole or not at all; its path."""
    temporary = path.with_name(f".{path.name}.tmp")
    figure.savefig(temporary, dpi=dpi, format="png")
    temporary.replace(path)
    return path


def read_goal(folder: Path) -> np.ndarray | None:
    """Read the goal of the trajectories' episode [m], shape (3,), None without one."""
    if not (folder / "result.json").exists():
        return None
    goal = read_json(folder, "result.json").get("goal")
    return None if goal is None else np.asarray(goal)
