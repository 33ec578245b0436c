"""The universal joint: two angles about crossing axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax

from diffsim.joints.joint_type import (
    Axis,
    Held,
    JointFrames,
    Parameters,
    about,
    angle,
    angle_about_first_axis,
    held_together,
    nowhere,
    turned_about_first,
)
from diffsim.math.vectors import Mat3, Vec3
from diffsim.tables import Parameter


class Universal:
    """Turns about the parent frame's first axis and the child frame's second one."""

    freedoms = 2
    units: tuple[str, ...] = ("rad", "rad")
    given_axes = 2
    counts_turns: tuple[bool, ...] = (True, True)
    turns_freely = False
    parameters: Mapping[str, Parameter] = {}

    def axes(self, frames: JointFrames) -> tuple[Axis, ...]:
        return (
            about(frames.parent.rotation.c0),
            about(frames.child.rotation.c1, in_child=True),
        )

    def coordinates(self, frames: JointFrames) -> tuple[jax.Array, ...]:
        second = angle(
            frames.parent.rotation.c0.dot(frames.child.rotation.c2),
            frames.parent.rotation.c0.dot(frames.child.rotation.c0),
        )
        return angle_about_first_axis(frames), second

    def held(self, frames: JointFrames) -> tuple[Held, ...]:
        across = about(frames.parent.rotation.c0.cross(frames.child.rotation.c1))
        return (
            *held_together(frames),
            Held(across, -frames.parent.rotation.c0.dot(frames.child.rotation.c1)),
        )

    def carry(
        self, frame: Mat3, coordinates: Sequence[jax.Array], parameters: Parameters
    ) -> tuple[Vec3, Mat3]:
        a, b, c = turned_about_first(frame, coordinates[0])
        b, c, a = turned_about_first(Mat3(b, c, a), coordinates[1])
        return nowhere(frame), Mat3(a, b, c)
