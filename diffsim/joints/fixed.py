"""The fixed joint: no motion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax

from diffsim.joints.joint_type import (
    Axis,
    Held,
    JointFrames,
    Parameters,
    held_aligned,
    held_together,
    nowhere,
)
from diffsim.math.vectors import Mat3, Vec3
from diffsim.tables import Parameter


class Fixed:
    """Does not move at all."""

    freedoms = 0
    units: tuple[str, ...] = ()
    given_axes = 0
    counts_turns: tuple[bool, ...] = ()
    turns_freely = False
    parameters: Mapping[str, Parameter] = {}

    def axes(self, frames: JointFrames) -> tuple[Axis, ...]:
        return ()

    def coordinates(self, frames: JointFrames) -> tuple[jax.Array, ...]:
        return ()

    def held(self, frames: JointFrames) -> tuple[Held, ...]:
        return (*held_together(frames), *held_aligned(frames))

    def carry(
        self, frame: Mat3, coordinates: Sequence[jax.Array], parameters: Parameters
    ) -> tuple[Vec3, Mat3]:
        return nowhere(frame), frame
