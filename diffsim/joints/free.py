"""The free joint: a body that nothing holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax

from diffsim.joints.joint_type import Axis, Held, JointFrames, Parameters
from diffsim.math.vectors import Mat3, Vec3
from diffsim.tables import Parameter


class Free:
    """Connects nothing: says of a body that it is free. Worlds are built without such joints."""

    freedoms = 6
    units: tuple[str, ...] = ()
    given_axes = 0
    counts_turns: tuple[bool, ...] = ()
    turns_freely = True
    parameters: Mapping[str, Parameter] = {}

    def axes(self, frames: JointFrames) -> tuple[Axis, ...]:
        raise NotImplementedError

    def coordinates(self, frames: JointFrames) -> tuple[jax.Array, ...]:
        raise NotImplementedError

    def held(self, frames: JointFrames) -> tuple[Held, ...]:
        raise NotImplementedError

    def carry(
        self, frame: Mat3, coordinates: Sequence[jax.Array], parameters: Parameters
    ) -> tuple[Vec3, Mat3]:
        raise NotImplementedError
