"""The ball joint: free turning about a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp

from diffsim.joints.joint_type import (
    Axis,
    Held,
    JointFrames,
    Parameters,
    about,
    held_together,
    nowhere,
    rotation_difference,
)
from diffsim.math.rotations import turned_by
from diffsim.math.vectors import Mat3, Vec3
from diffsim.tables import Parameter


class Ball:
    """Turns freely; the coordinates are the rotation vector's components in the parent's frame.

    Their rates are those of the rotation vector for small angles only; beyond, the motion along the
    axes is what motors and sensors call the rate. At half a turn the rotation vector has no
    direction; there the coordinates are zero.
    """

    freedoms = 3
    units: tuple[str, ...] = ("rad", "rad", "rad")
    given_axes = 0
    counts_turns: tuple[bool, ...] = (False, False, False)
    turns_freely = True
    parameters: Mapping[str, Parameter] = {}

    def axes(self, frames: JointFrames) -> tuple[Axis, ...]:
        return tuple(about(column) for column in frames.parent.rotation)

    def coordinates(self, frames: JointFrames) -> tuple[jax.Array, ...]:
        sine_vector = rotation_difference(frames)
        trace = sum(
            p.dot(c) for p, c in zip(frames.parent.rotation, frames.child.rotation, strict=True)
        )
        squared = sine_vector.squared_norm()
        safe = squared > 1e-12  # below, sin θ = θ to float32's precision
        sine = jnp.sqrt(jnp.where(safe, squared, 1.0))
        angle = jnp.arctan2(sine, 0.5 * (trace - 1.0))
        vector = sine_vector * jnp.where(safe, angle / sine, 1.0)
        return tuple(column.dot(vector) for column in frames.parent.rotation)

    def held(self, frames: JointFrames) -> tuple[Held, ...]:
        return held_together(frames)

    def carry(
        self, frame: Mat3, coordinates: Sequence[jax.Array], parameters: Parameters
    ) -> tuple[Vec3, Mat3]:
        return nowhere(frame), turned_by(frame @ Vec3(*coordinates), frame)
