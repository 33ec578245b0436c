"""Trajectories of runs, as far as they can be drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd

ROTATION = ("r_xx", "r_xy", "r_xz", "r_yx", "r_yy", "r_yz", "r_zx", "r_zy", "r_zz")
"""Columns of a trajectory: a body's rotation matrix, by rows."""

FURTHEST = 1e6
"""Coordinates up to which bodies are drawn [m]: a motion that diverges goes beyond all limits."""


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
