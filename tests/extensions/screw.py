"""A screw: one coordinate that turns and moves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp

from diffsim.joints.joint_type import (
    Axis,
    Held,
    JointFrames,
    Parameters,
    about,
    along,
    angle_about_first_axis,
    turned_about_first,
)
from diffsim.joints.table import JOINT_TYPES
from diffsim.math.vectors import Mat3, Vec3
from diffsim.tables import Parameter

TURN = 2.0 * math.pi


class Screw:
    """Turns about the frame's first axis, and moves along it by ``pitch`` in each turn."""

    freedoms = 1
    units = ("rad",)
    given_axes = 1
    counts_turns = (False,)  # the frames show all turns: by how far the child has moved
    turns_freely = False
    parameters: Mapping[str, Parameter] = {"pitch": Parameter("m", nonzero=True)}

    def axes(self, frames: JointFrames) -> tuple[Axis, ...]:
        axis = frames.parent.rotation.c0
        return (Axis(axis * (frames.parameters["pitch"] / TURN), axis),)

    def coordinates(self, frames: JointFrames) -> tuple[jax.Array, ...]:
        angle = angle_about_first_axis(frames)
        turns = _way(frames) / frames.parameters["pitch"] - angle / TURN
        return (angle + TURN * jnp.round(jax.lax.stop_gradient(turns)),)

    def held(self, frames: JointFrames) -> tuple[Held, ...]:
        axis, *sides = frames.parent.rotation
        lead = frames.parameters["pitch"] / TURN
        offset = frames.child.position - frames.parent.position
        tilt = axis.cross(frames.child.rotation.c0)
        (angle,) = self.coordinates(frames)
        return (
            *(Held(along(side), side.dot(offset)) for side in sides),
            *(Held(about(side), side.dot(tilt)) for side in sides),
            Held(Axis(axis, axis * -lead), _way(frames) - lead * angle),
        )

    def carry(
        self, frame: Mat3, coordinates: Sequence[jax.Array], parameters: Parameters
    ) -> tuple[Vec3, Mat3]:
        (angle,) = coordinates
        return frame.c0 * (angle * parameters["pitch"] / TURN), turned_about_first(frame, angle)


def _way(frames: JointFrames) -> jax.Array:
    """Distance that the child has moved along the axis [m]."""
    return frames.parent.rotation.c0.dot(frames.child.position - frames.parent.position)


JOINT_TYPES.add("screw", Screw())
