"""Joints: what holds two bodies together, and the coordinates in which they may still move.

A joint has a frame on either body: an anchor and three axes, fixed in the body. A *joint type* says
by what these frames may differ. That is all there is to say about it: where the axes of free motion
lie, what its coordinates are, where they lead the child, and what is held, each with its error.
Everything else follows from these: the solver's rows, the elimination of the joint, the correction
of drift, sensors, motors, limits, and where a robot's bodies are at the start. So a new type is one
class here and its entry in ``JOINT_TYPES``.

Rates and errors have one sign: child minus parent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.math.indexing import WORLD, column, gather
from diffsim.math.pytrees import pytree, static
from diffsim.math.rotations import turned_by
from diffsim.math.vectors import Mat3, Vec3


@pytree
class Joints:
    """Pairs of bodies and how they are connected.

    Attributes:
        names: one for each joint.
        types: keys of ``JOINT_TYPES``.
        parent: index of the body the joint belongs to, or ``WORLD``.
        child: index of the body it carries.
        eliminated: whether the joint is solved exactly by the choice of coordinates. It is then
            the one that carries its child; the others are rows of the complementarity problem.
        anchor_parent, anchor_child: in the bodies' frames [m], components (joints,).
        frame_parent, frame_child: axes in the bodies' frames, components (joints,).
        frequency: natural frequency [Hz] of a soft joint, inf for a hard one, shape (joints,).
        damping_ratio: of a soft joint, 1 for critical damping, shape (joints,).
    """

    names: tuple[str, ...] = static()
    types: tuple[str, ...] = static()
    parent: tuple[int, ...] = static()
    child: tuple[int, ...] = static()
    eliminated: tuple[bool, ...] = static()
    anchor_parent: Vec3
    anchor_child: Vec3
    frame_parent: Mat3
    frame_child: Mat3
    frequency: jax.Array
    damping_ratio: jax.Array


class JointFrames(NamedTuple):
    """Both frames of the joints in the world, components (joints,).

    Attributes:
        anchor_parent, anchor_child: [m].
        parent, child: axes, as columns.
    """

    anchor_parent: Vec3
    anchor_child: Vec3
    parent: Mat3
    child: Mat3

    def gather(self, index: Sequence[int]) -> JointFrames:
        """The frames of the joints at ``index``."""
        return JointFrames(
            self.anchor_parent.gather(index),
            self.anchor_child.gather(index),
            self.parent.gather(index),
            self.child.gather(index),
        )


class Axis(NamedTuple):
    """A direction in the world along or about which a joint moves, or is held.

    Attributes:
        direction: unit vector, components (joints,).
        turns: about it, and not along it.
        in_child: whether the direction is fixed in the child and not in the parent.
    """

    direction: Vec3
    turns: bool
    in_child: bool = False


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
        turns_freely: whether the child turns about any axis, and its coordinates do not add up.
    """

    freedoms: int
    units: tuple[str, ...]
    given_axes: int
    counts_turns: tuple[bool, ...]
    turns_freely: bool

    def axes(self, frames: JointFrames) -> tuple[Axis, ...]:
        """Axes of free motion, one for each coordinate."""

    def coordinates(self, frames: JointFrames) -> tuple[jax.Array, ...]:
        """Positions along the axes [m] or [rad]; their rates are the motions along the axes."""

    def held(self, frames: JointFrames) -> tuple[Held, ...]:
        """The other 6 − freedoms directions. A turning error is that of a small rotation."""

    def carry(self, frame: Mat3, coordinates: Sequence[jax.Array]) -> tuple[Vec3, Mat3]:
        """Where the child's frame is: from the parent's anchor, and its axes.

        Args:
            frame: axes of the parent's frame, in any coordinates; the results are in the same.
            coordinates: positions along the axes of free motion.
        """


class Hinge:
    """Turns about the frame's first axis; the coordinate is its angle, which counts turns."""

    freedoms = 1
    units: tuple[str, ...] = ("rad",)
    given_axes = 1
    counts_turns: tuple[bool, ...] = (True,)
    turns_freely = False

    def axes(self, frames: JointFrames) -> tuple[Axis, ...]:
        return (Axis(frames.parent.c0, turns=True),)

    def coordinates(self, frames: JointFrames) -> tuple[jax.Array, ...]:
        return (_angle_about_first_axis(frames),)

    def held(self, frames: JointFrames) -> tuple[Held, ...]:
        tilt = frames.parent.c0.cross(frames.child.c0)
        return (
            *_held_together(frames),
            *(
                Held(Axis(side, turns=True), side.dot(tilt))
                for side in (frames.parent.c1, frames.parent.c2)
            ),
        )

    def carry(self, frame: Mat3, coordinates: Sequence[jax.Array]) -> tuple[Vec3, Mat3]:
        return _nowhere(frame), _turned_about_first(frame, coordinates[0])


class Universal:
    """Turns about the parent frame's first axis and the child frame's second one."""

    freedoms = 2
    units: tuple[str, ...] = ("rad", "rad")
    given_axes = 2
    counts_turns: tuple[bool, ...] = (True, True)
    turns_freely = False

    def axes(self, frames: JointFrames) -> tuple[Axis, ...]:
        return (
            Axis(frames.parent.c0, turns=True),
            Axis(frames.child.c1, turns=True, in_child=True),
        )

    def coordinates(self, frames: JointFrames) -> tuple[jax.Array, ...]:
        second = _angle(
            frames.parent.c0.dot(frames.child.c2), frames.parent.c0.dot(frames.child.c0)
        )
        return _angle_about_first_axis(frames), second

    def held(self, frames: JointFrames) -> tuple[Held, ...]:
        across = Axis(frames.parent.c0.cross(frames.child.c1), turns=True)
        return (*_held_together(frames), Held(across, -frames.parent.c0.dot(frames.child.c1)))

    def carry(self, frame: Mat3, coordinates: Sequence[jax.Array]) -> tuple[Vec3, Mat3]:
        a, b, c = _turned_about_first(frame, coordinates[0])
        b, c, a = _turned_about_first(Mat3(b, c, a), coordinates[1])
        return _nowhere(frame), Mat3(a, b, c)


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

    def axes(self, frames: JointFrames) -> tuple[Axis, ...]:
        return tuple(Axis(column, turns=True) for column in frames.parent)

    def coordinates(self, frames: JointFrames) -> tuple[jax.Array, ...]:
        sine_vector = _rotation_difference(frames)
        trace = sum(p.dot(c) for p, c in zip(frames.parent, frames.child, strict=True))
        squared = sine_vector.squared_norm()
        safe = squared > 1e-12  # below, sin θ = θ to float32's precision
        sine = jnp.sqrt(jnp.where(safe, squared, 1.0))
        angle = jnp.arctan2(sine, 0.5 * (trace - 1.0))
        vector = sine_vector * jnp.where(safe, angle / sine, 1.0)
        return tuple(column.dot(vector) for column in frames.parent)

    def held(self, frames: JointFrames) -> tuple[Held, ...]:
        return _held_together(frames)

    def carry(self, frame: Mat3, coordinates: Sequence[jax.Array]) -> tuple[Vec3, Mat3]:
        return _nowhere(frame), turned_by(frame @ Vec3(*coordinates), frame)


class Slider:
    """Moves along the frame's first axis without turning."""

    freedoms = 1
    units: tuple[str, ...] = ("m",)
    given_axes = 1
    counts_turns: tuple[bool, ...] = (False,)
    turns_freely = False

    def axes(self, frames: JointFrames) -> tuple[Axis, ...]:
        return (Axis(frames.parent.c0, turns=False),)

    def coordinates(self, frames: JointFrames) -> tuple[jax.Array, ...]:
        return (frames.parent.c0.dot(frames.anchor_child - frames.anchor_parent),)

    def held(self, frames: JointFrames) -> tuple[Held, ...]:
        offset = frames.anchor_child - frames.anchor_parent
        sides = (frames.parent.c1, frames.parent.c2)
        return (
            *(Held(Axis(side, turns=False), side.dot(offset)) for side in sides),
            *_held_aligned(frames),
        )

    def carry(self, frame: Mat3, coordinates: Sequence[jax.Array]) -> tuple[Vec3, Mat3]:
        return frame.c0 * coordinates[0], frame


class Fixed:
    """Does not move at all."""

    freedoms = 0
    units: tuple[str, ...] = ()
    given_axes = 0
    counts_turns: tuple[bool, ...] = ()
    turns_freely = False

    def axes(self, frames: JointFrames) -> tuple[Axis, ...]:
        return ()

    def coordinates(self, frames: JointFrames) -> tuple[jax.Array, ...]:
        return ()

    def held(self, frames: JointFrames) -> tuple[Held, ...]:
        return (*_held_together(frames), *_held_aligned(frames))

    def carry(self, frame: Mat3, coordinates: Sequence[jax.Array]) -> tuple[Vec3, Mat3]:
        return _nowhere(frame), frame


class Free:
    """Connects nothing: says of a body that it is free. Worlds are built without such joints."""

    freedoms = 6
    units: tuple[str, ...] = ()
    given_axes = 0
    counts_turns: tuple[bool, ...] = ()
    turns_freely = True

    def axes(self, frames: JointFrames) -> tuple[Axis, ...]:
        raise NotImplementedError

    def coordinates(self, frames: JointFrames) -> tuple[jax.Array, ...]:
        raise NotImplementedError

    def held(self, frames: JointFrames) -> tuple[Held, ...]:
        raise NotImplementedError

    def carry(self, frame: Mat3, coordinates: Sequence[jax.Array]) -> tuple[Vec3, Mat3]:
        raise NotImplementedError


JOINT_TYPES: dict[str, JointType] = {
    "hinge": Hinge(),
    "slider": Slider(),
    "universal": Universal(),
    "ball": Ball(),
    "fixed": Fixed(),
    "free": Free(),
}
"""All joint types by the names they have in robot files."""


def joint_frames(joints: Joints, position: Vec3, rotation: Mat3) -> JointFrames:
    """Where the frames of all joints are, from the bodies' positions and rotations."""
    if not joints.names:
        nothing = position.gather(())
        return JointFrames(nothing, nothing, *(Mat3(nothing, nothing, nothing) for _ in range(2)))
    return frames_between(
        joints,
        tuple(range(len(joints.names))),
        (position.gather(joints.parent), rotation.gather(joints.parent)),
        (position.gather(joints.child), rotation.gather(joints.child)),
    )


def frames_between(
    joints: Joints, index: tuple[int, ...], parent: tuple[Vec3, Mat3], child: tuple[Vec3, Mat3]
) -> JointFrames:
    """The frames of the joints at ``index``, from the poses of their parents and children.

    A parent that is the world has been read as zero; its rotation is made the identity here.
    """
    turned = grounded([joints.parent[joint] for joint in index], parent[1])
    return JointFrames(
        anchor_parent=parent[0] + turned @ joints.anchor_parent.gather(index),
        anchor_child=child[0] + child[1] @ joints.anchor_child.gather(index),
        parent=turned.times(joints.frame_parent.gather(index)),
        child=child[1].times(joints.frame_child.gather(index)),
    )


def grounded(bodies: Sequence[int], rotation: Mat3) -> Mat3:
    """Rotations of some bodies, with the identity where zero has been read for the world."""
    is_world = np.asarray([body == WORLD for body in bodies])
    if not is_world.any():
        return rotation
    one = column(is_world, rotation.c0.x).astype(rotation.c0.x.dtype)
    return Mat3(
        rotation.c0._replace(x=rotation.c0.x + one),
        rotation.c1._replace(y=rotation.c1.y + one),
        rotation.c2._replace(z=rotation.c2.z + one),
    )


def rates(
    axes: Sequence[Axis], between: Vec3, parent: tuple[Vec3, Vec3], child: tuple[Vec3, Vec3]
) -> tuple[jax.Array, ...]:
    """Motion along each axis [m/s] or [rad/s], shapes (joints,).

    Args:
        axes: of free motion.
        between: from the parent's to the child's centre of mass [m].
        parent, child: linear and angular velocity of the bodies.
    """
    relative: dict[bool, Vec3] = {}
    if any(axis.turns for axis in axes):
        relative[True] = child[1] - parent[1]
    if not all(axis.turns for axis in axes):
        relative[False] = child[0] - parent[0] - parent[1].cross(between)
    return tuple(axis.direction.dot(relative[axis.turns]) for axis in axes)


def turning_coordinates(joints: Joints) -> tuple[tuple[int, int], ...]:
    """Coordinates that count turns, by joint and number, in the order of ``State.angles``."""
    return tuple(
        (joint, number)
        for joint, kind in enumerate(joints.types)
        for number, counts in enumerate(JOINT_TYPES[kind].counts_turns)
        if counts
    )


def joint_coordinates(
    joints: Joints, frames: JointFrames, which: Sequence[tuple[int, int]], angles: jax.Array
) -> jax.Array:
    """Chosen coordinates, given by joint and number, shape (coordinates,), [m] or [rad].

    An angle is the one that the frames show, plus so many whole turns that it is nearest to what
    ``angles`` says; its derivative is that of the frames.

    Args:
        joints: parameters.
        frames: of all joints.
        which: joint and number of each coordinate.
        angles: of the state, shape (turning coordinates,) [rad].
    """
    shown = _of_types(
        joints, which, lambda kind, index: kind.coordinates(frames.gather(index)), frames
    )
    order = {coordinate: place for place, coordinate in enumerate(turning_coordinates(joints))}
    if not any(coordinate in order for coordinate in which):
        return shown
    expected = gather(angles, tuple(order.get(coordinate, WORLD) for coordinate in which))
    turns = jnp.round(jax.lax.stop_gradient(expected - shown) / (2.0 * math.pi))
    counts = column([coordinate in order for coordinate in which], shown)
    return shown + jnp.where(counts, 2.0 * math.pi * turns, 0.0)


def advance_angles(
    joints: Joints,
    frames: JointFrames,
    angles: jax.Array,
    position: Vec3,
    velocity: Vec3,
    angular_velocity: Vec3,
    timestep: jax.Array,
) -> jax.Array:
    """Expected angles after a step, q + h q̇, shape (turning coordinates,) [rad].

    They only have to be right to within half a turn, and have no derivative: the frames give the
    exact angle (``joint_coordinates``). So nothing adds up, and a wheel may turn by more than π in
    a step.

    Args:
        joints, frames, angles: at the start of the step.
        position: of the bodies [m].
        velocity, angular_velocity: with which they move through the step [m/s], [rad/s].
        timestep: h [s].
    """
    which = turning_coordinates(joints)
    if not which:
        return angles
    now = joint_coordinates(joints, frames, which, angles)
    rate = joint_rates(joints, frames, position, velocity, angular_velocity, which)
    return jax.lax.stop_gradient(now + rate * timestep)


def joint_rates(
    joints: Joints,
    frames: JointFrames,
    position: Vec3,
    velocity: Vec3,
    angular_velocity: Vec3,
    which: Sequence[tuple[int, int]],
) -> jax.Array:
    """Motion along the axes of chosen coordinates, shape (coordinates,), [m/s] or [rad/s]."""

    def of_type(kind: JointType, index: tuple[int, ...]) -> tuple[jax.Array, ...]:
        parent = tuple(joints.parent[joint] for joint in index)
        child = tuple(joints.child[joint] for joint in index)
        return rates(
            kind.axes(frames.gather(index)),
            position.gather(child) - position.gather(parent),
            (velocity.gather(parent), angular_velocity.gather(parent)),
            (velocity.gather(child), angular_velocity.gather(child)),
        )

    return _of_types(joints, which, of_type, frames)


def joint_axes(
    joints: Joints, frames: JointFrames, which: Sequence[tuple[int, int]]
) -> tuple[Vec3, tuple[bool, ...]]:
    """Directions of chosen coordinates, components (coordinates,), and which of them turn."""
    turns: dict[tuple[int, int], bool] = {}
    parts: list[jax.Array] = []
    for component in range(3):

        def of_type(kind: JointType, index: tuple[int, ...], part: int = component) -> Any:
            axes = kind.axes(frames.gather(index))
            for joint in index:
                turns.update({(joint, k): axis.turns for k, axis in enumerate(axes)})
            return tuple(axis.direction[part] for axis in axes)

        parts.append(_of_types(joints, which, of_type, frames))
    return Vec3(*parts), tuple(turns[coordinate] for coordinate in which)


def _of_types(
    joints: Joints,
    which: Sequence[tuple[int, int]],
    of_type: Callable[[JointType, tuple[int, ...]], tuple[jax.Array, ...]],
    frames: JointFrames,
) -> jax.Array:
    """Numbers of chosen coordinates, from a function that gives those of all joints of a type."""
    parts: list[jax.Array] = []
    places: dict[tuple[int, int], int] = {}
    for name in dict.fromkeys(joints.types[joint] for joint, _ in which):
        index = tuple(dict.fromkeys(j for j, _ in which if joints.types[j] == name))
        for number, values in enumerate(of_type(JOINT_TYPES[name], index)):
            start = len(places)
            places |= {(joint, number): start + k for k, joint in enumerate(index)}
            parts.append(values)
    if not parts:
        return jnp.zeros(0, frames.anchor_child.x.dtype)
    return gather(jnp.concatenate(parts), tuple(places[coordinate] for coordinate in which))


def _nowhere(like: Mat3) -> Vec3:
    return jax.tree.map(jnp.zeros_like, like.c0)


def _turned_about_first(frame: Mat3, angle: jax.Array) -> Mat3:
    """The axes turned about the first of them."""
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    first, second, third = frame
    return Mat3(first, second * cosine + third * sine, third * cosine - second * sine)


def _angle(sine: jax.Array, cosine: jax.Array) -> jax.Array:
    """The angle of a sine and cosine; zero, with zero gradient, where both vanish."""
    defined = (sine != 0.0) | (cosine != 0.0)
    return jnp.arctan2(sine, jnp.where(defined, cosine, 1.0))


def _angle_about_first_axis(frames: JointFrames) -> jax.Array:
    side = frames.child.c1
    return _angle(side.dot(frames.parent.c2), side.dot(frames.parent.c1))


def _world_axes(frames: JointFrames) -> tuple[Vec3, Vec3, Vec3]:
    one, zero = jnp.ones_like(frames.anchor_child.x), jnp.zeros_like(frames.anchor_child.x)
    return Vec3(one, zero, zero), Vec3(zero, one, zero), Vec3(zero, zero, one)


def _rotation_difference(frames: JointFrames) -> Vec3:
    """sin θ n of the rotation by θ about n from the parent's to the child's frame."""
    a, b, c = (p.cross(q) for p, q in zip(frames.parent, frames.child, strict=True))
    return (a + b + c) * 0.5


def _held_together(frames: JointFrames) -> tuple[Held, ...]:
    """The anchors stay in one place."""
    offset = frames.anchor_child - frames.anchor_parent
    return tuple(
        Held(Axis(axis, turns=False), error)
        for axis, error in zip(_world_axes(frames), offset, strict=True)
    )


def _held_aligned(frames: JointFrames) -> tuple[Held, ...]:
    """The frames do not turn against each other."""
    difference = _rotation_difference(frames)
    return tuple(
        Held(Axis(axis, turns=True), error)
        for axis, error in zip(_world_axes(frames), difference, strict=True)
    )
