"""Trajectories as CSV: one row for each body and time, for plots and for other programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from diffsim.math.spatial import Motion
from diffsim.math.vectors import Vec3
from diffsim.runs.files import written_whole

COLUMNS = (
    *("time", "body", "x", "y", "z"),
    *("r_xx", "r_xy", "r_xz", "r_yx", "r_yy", "r_yz", "r_zx", "r_zy", "r_zz"),
    *("v_x", "v_y", "v_z", "omega_x", "omega_y", "omega_z"),
)
"""Time [s], body, position [m], rotation matrix by rows, velocity [m/s], angular velocity
[rad/s]; all in the world frame."""


class DivergedError(Exception):
    """Numbers that are no longer finite; the message says where."""


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


def first_divergence(states: Motion, names: tuple[str, ...]) -> tuple[int, str] | None:
    """Step and part at which a trajectory stops being finite, None if it is finite throughout."""
    broken = _broken((states.pose.position, states.twist.linear, states.twist.angular))
    return _place(broken, names) if broken.any() else None


def last_divergence(gradient: Vec3, names: tuple[str, ...]) -> tuple[int, str] | None:
    """Step and body at which a gradient, on its way back in time, stops being finite.

    Args:
        gradient: with respect to the bodies' velocities before every step, components
            (steps, bodies) or (steps, bodies, robots).
        names: of the bodies.

    Returns:
        None if it is finite throughout.
    """
    broken = _broken((gradient,))
    if not broken.any():
        return None
    if broken.ndim == 3:
        broken = np.any(broken, axis=2)
    back, body = _place(broken[::-1], names)
    return len(broken) - 1 - back, body


def _broken(vectors: tuple[Vec3, ...]) -> np.ndarray:
    """Flags of components that are not finite, shape of a component."""
    numbers = np.stack([component for vector in vectors for component in vector], axis=-1)
    return np.logical_not(np.all(np.isfinite(numbers), axis=-1))


def _place(broken: np.ndarray, names: tuple[str, ...]) -> tuple[int, str]:
    step, body = np.argwhere(broken)[0]
    return int(step), names[body]
