"""The slider: one way along an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax

from diffsim.joints.joint_type import Axis, Held, JointFrames, Parameters, along, held_aligned
from diffsim.math.vectors import Mat3, Vec3
from diffsim.tables import Parameter


class Slider:
    """Moves along the frame's first axis without turning."""

    freedoms = 1
    units: tuple[str, ...] = ("m",)
    given_axes = 1
    counts_turns: tuple[bool, ...] = (False,)
    turns_freely = False
    parameters: Mapping[str, Parameter] = {}

    def axes(self, frames: JointFrames) -> tuple[Axis, ...]:
        return (along(frames.parent.rotation.c0),)

    def coordinates(self, frames: JointFrames) -> tuple[jax.Array, ...]:
        return (frames.parent.rotation.c0.dot(frames.child.position - frames.parent.position),)

    def held(self, frames: JointFrames) -> tuple[Held, ...]:
        offset = frames.child.position - frames.parent.position
        sides = (frames.parent.rotation.c1, frames.parent.rotation.c2)
        return (
            *(Held(along(side), side.dot(offset)) for side in sides),
            *held_aligned(frames),
        )

    def carry(
        self, frame: Mat3, coordinates: Sequence[jax.Array], parameters: Parameters
    ) -> tuple[Vec3, Mat3]:
        return frame.c0 * coordinates[0], frame
