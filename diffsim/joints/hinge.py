"""The hinge: one angle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax

from diffsim.joints.joint_type import (
    Axis,
    Held,
    JointFrames,
    Parameters,
    about,
    angle_about_first_axis,
    held_together,
    nowhere,
    turned_about_first,
)
from diffsim.math.vectors import Mat3, Vec3
from diffsim.tables import Parameter


class Hinge:
    """Turns about the frame's first axis; the coordinate is its angle, which counts turns."""

    freedoms = 1
    units: tuple[str, ...] = ("rad",)
    given_axes = 1
    counts_turns: tuple[bool, ...] = (True,)
    turns_freely = False
    parameters: Mapping[str, Parameter] = {}

    def axes(self, frames: JointFrames) -> tuple[Axis, ...]:
        return (about(frames.parent.rotation.c0),)

    def coordinates(self, frames: JointFrames) -> tuple[jax.Array, ...]:
        return (angle_about_first_axis(frames),)

    def held(self, frames: JointFrames) -> tuple[Held, ...]:
        tilt = frames.parent.rotation.c0.cross(frames.child.rotation.c0)
        return (
            *held_together(frames),
            *(
                Held(about(side), side.dot(tilt))
                for side in (frames.parent.rotation.c1, frames.parent.rotation.c2)
            ),
        )

    def carry(
        self, frame: Mat3, coordinates: Sequence[jax.Array], parameters: Parameters
    ) -> tuple[Vec3, Mat3]:
        return nowhere(frame), turned_about_first(frame, coordinates[0])
