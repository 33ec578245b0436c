"""The protocol of joint types, and what several of them need.

A joint has a frame on either body: an anchor and three axes, fixed in the body. A *joint type* says
by what these frames may differ: where the axes of free motion lie, what its coordinates are, where
they lead the child, and what is held, each with its error. Everything else follows from these: the
elimination of the joint, the solver's rows, the correction of drift, motors, limits, sensors, and
where a robot's bodies are at the start.

A new type is one file with one class, and its name in a table (``diffsim.joints.table``). Rates and
errors have one sign: child minus parent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp

from diffsim.math.indexing import gather
from diffsim.math.spatial import Pose
from diffsim.math.vectors import Mat3, Vec3
from diffsim.tables import Parameter

Parameters = Mapping[str, jax.Array]
"""Numbers that only some joint types have, by name, each of shape (joints,); 0 for the others."""


class JointFrames(NamedTuple):
    """Both frames of the joints in the world, and the joints' own numbers.

    Attributes:
        parent, child: the frame on either body, components (joints,).
        parameters: of the joints' types.
    """

    parent: Pose
    child: Pose
    parameters: Parameters

    def gather(self, index: Sequence[int]) -> JointFrames:
        """The frames of the joints at ``index``."""
        return JointFrames(
            self.parent.gather(index),
            self.child.gather(index),
            {name: gather(values, index) for name, values in self.parameters.items()},
        )


class Axis(NamedTuple):
    """Motion along and about a line in the world that a joint allows, or holds.

    A coordinate moves the child with these velocities for a rate of 1. What is held is a
    combination of relative velocities with these factors. A coordinate that turns is measured by
    its turning alone, so ``angular`` has the length one.

    Attributes:
        linear: components (joints,), None where nothing moves along a line.
        angular: None where nothing turns.
        in_child: whether the direction is fixed in the child and not in the parent.
    """

    linear: Vec3 | None
    angular: Vec3 | None
    in_child: bool = False

    @property
    def turns(self) -> bool:
        """True if the coordinate is an angle."""
        return self.angular is not None

    @property
    def direction(self) -> Vec3:
        """Unit vector about which, or else along which, it moves."""
        found = self.linear if self.angular is None else self.angular
        assert found is not None
        return found


def about(direction: Vec3, in_child: bool = False) -> Axis:
    """Turning about a unit vector."""
    return Axis(None, direction, in_child)


def along(direction: Vec3) -> Axis:
    """Moving along a unit vector, which is fixed in the parent."""
    return Axis(direction, None)


class Held(NamedTuple):
    """A direction in which a joint does not move, and by how much it is off [m] or [rad]."""

    axis: Axis
    error: jax.Array


class JointType(Protocol):
    """Methods that take frames take those of some joints of the type, and give arrays (joints,).

    Attributes:
        freedoms: how many coordinates there are.
        units: of the coordinates.
        given_axes: how many axes a robot's file gives: none for a frame along the parent's own
            axes, one for the frame's first axis, two for its first and second.
        counts_turns: of each coordinate, True for an angle that goes on beyond half a turn. The
            frames give it within ±π; which turn it is, the state knows (``joint_coordinates``).
        turns_freely: whether the child turns about any axis, and its coordinates do not add up;
            the anchors of such a joint stay together.
        parameters: numbers of the type's own, by name; ``JointFrames`` has their values.
    """

    freedoms: int
    units: tuple[str, ...]
    given_axes: int
    counts_turns: tuple[bool, ...]
    turns_freely: bool
    parameters: Mapping[str, Parameter]

    def axes(self, frames: JointFrames) -> tuple[Axis, ...]:
        """Axes of free motion, one for each coordinate."""

    def coordinates(self, frames: JointFrames) -> tuple[jax.Array, ...]:
        """Positions along the axes [m] or [rad]; their rates are the motions along the axes."""

    def held(self, frames: JointFrames) -> tuple[Held, ...]:
        """The other 6 − freedoms directions. A turning error is that of a small rotation."""

    def carry(
        self, frame: Mat3, coordinates: Sequence[jax.Array], parameters: Parameters
    ) -> tuple[Vec3, Mat3]:
        """Pose of the child's frame: offset from the parent's anchor, and axes.

        Args:
            frame: axes of the parent's frame, in any coordinates; the results are in the same.
            coordinates: positions along the axes of free motion.
            parameters: of the joints.
        """


def nowhere(like: Mat3) -> Vec3:
    """Zero vectors, for a child that stays at the parent's anchor."""
    return jax.tree.map(jnp.zeros_like, like.c0)


def turned_about_first(frame: Mat3, angle: jax.Array) -> Mat3:
    """The axes turned about the first of them."""
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    first, second, third = frame
    return Mat3(first, second * cosine + third * sine, third * cosine - second * sine)


def angle(sine: jax.Array, cosine: jax.Array) -> jax.Array:
    """The angle of a sine and cosine; zero, with zero gradient, where both vanish."""
    defined = (sine != 0.0) | (cosine != 0.0)
    return jnp.arctan2(sine, jnp.where(defined, cosine, 1.0))


def angle_about_first_axis(frames: JointFrames) -> jax.Array:
    """Angle by which the child's frame is turned about the parent's first axis [rad]."""
    side = frames.child.rotation.c1
    return angle(side.dot(frames.parent.rotation.c2), side.dot(frames.parent.rotation.c1))


def world_axes(frames: JointFrames) -> tuple[Vec3, Vec3, Vec3]:
    """The world's axes, one vector for each joint."""
    one, zero = jnp.ones_like(frames.child.position.x), jnp.zeros_like(frames.child.position.x)
    return Vec3(one, zero, zero), Vec3(zero, one, zero), Vec3(zero, zero, one)


def rotation_difference(frames: JointFrames) -> Vec3:
    """Vector sin θ n of the rotation by θ about n from the parent's to the child's frame."""
    a, b, c = (
        p.cross(q) for p, q in zip(frames.parent.rotation, frames.child.rotation, strict=True)
    )
    return (a + b + c) * 0.5


def held_together(frames: JointFrames) -> tuple[Held, ...]:
    """Directions of a joint whose anchors stay in one place."""
    offset = frames.child.position - frames.parent.position
    return tuple(
        Held(along(axis), error) for axis, error in zip(world_axes(frames), offset, strict=True)
    )


def held_aligned(frames: JointFrames) -> tuple[Held, ...]:
    """Directions of a joint whose frames do not turn against each other."""
    difference = rotation_difference(frames)
    return tuple(
        Held(about(axis), error) for axis, error in zip(world_axes(frames), difference, strict=True)
    )
