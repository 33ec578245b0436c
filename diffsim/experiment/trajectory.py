"""Trajectories as CSV: one row for each body and time, for plots and for other programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from diffsim.math.spatial import Motion
from diffsim.runs.files import written_whole

COLUMNS = (
    *("time", "body", "x", "y", "z"),
    *("r_xx", "r_xy", "r_xz", "r_yx", "r_yy", "r_yz", "r_zx", "r_zy", "r_zz"),
    *("v_x", "v_y", "v_z", "omega_x", "omega_y", "omega_z"),
)
"""Time [s], body, position [m], rotation matrix by rows, velocity [m/s], angular velocity
[rad/s]; all in the world frame."""


def save_trajectory(path: Path, states: Motion, body_names: tuple[str, ...], dt: float) -> None:
    """Write the motion in one episode, leading axis (times,)."""
    (position, rotation), twist = states
    times, bodies = np.shape(position.x)
    rows = (entry for row in rotation.transpose() for entry in row)
    components = (*position, *rows, *twist.linear, *twist.angular)
    numbers = np.stack(components, axis=-1).reshape(times * bodies, len(components))
    table = pd.DataFrame(numbers, columns=list(COLUMNS[2:]))
    table.insert(0, "body", np.tile(np.array(body_names), times))
    table.insert(0, "time", np.repeat(np.round(np.arange(times) * dt, 9), bodies))
    with written_whole(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.7g", na_rep="nan")
