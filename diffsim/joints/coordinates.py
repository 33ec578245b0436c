"""Coordinates of joints: reading them, their rates and their axes off the joints' frames."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from diffsim.joints.joint_type import Axis, JointFrames, JointType
from diffsim.joints.joints import Joints
from diffsim.joints.table import JOINT_TYPES
from diffsim.math.indexing import WORLD, column, gather
from diffsim.math.spatial import Twist
from diffsim.math.vectors import Vec3


def rates(
    axes: Sequence[Axis], between: Vec3, parent: Twist, child: Twist
) -> tuple[jax.Array, ...]:
    """Motion along each axis [m/s] or [rad/s], shapes (joints,).

    Args:
        axes: of free motion.
        between: from the parent's to the child's centre of mass [m].
        parent, child: of the bodies' centres of mass.
    """
    relative: dict[bool, Vec3] = {}
    if any(axis.turns for axis in axes):
        relative[True] = child.angular - parent.angular
    if not all(axis.turns for axis in axes):
        relative[False] = child.linear - parent.linear - parent.angular.cross(between)
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
    drift: Twist,
    timestep: jax.Array,
) -> jax.Array:
    """Expected angles after a step, q + h q̇, shape (turning coordinates,) [rad].

    They only have to be right to within half a turn, and have no derivative: the frames give the
    exact angle (``joint_coordinates``). So nothing adds up, and a wheel may turn by more than π in
    a step.

    Args:
        joints, frames, angles: at the start of the step.
        position: of the bodies [m].
        drift: with which they move through the step.
        timestep: h [s].
    """
    which = turning_coordinates(joints)
    if not which:
        return angles
    now = joint_coordinates(joints, frames, which, angles)
    rate = joint_rates(joints, frames, position, drift, which)
    return jax.lax.stop_gradient(now + rate * timestep)


def joint_rates(
    joints: Joints,
    frames: JointFrames,
    position: Vec3,
    twist: Twist,
    which: Sequence[tuple[int, int]],
) -> jax.Array:
    """Motion along the axes of chosen coordinates, shape (coordinates,), [m/s] or [rad/s]."""

    def of_type(kind: JointType, index: tuple[int, ...]) -> tuple[jax.Array, ...]:
        parent = tuple(joints.parent[joint] for joint in index)
        child = tuple(joints.child[joint] for joint in index)
        return rates(
            kind.axes(frames.gather(index)),
            position.gather(child) - position.gather(parent),
            twist.gather(parent),
            twist.gather(child),
        )

    return _of_types(joints, which, of_type, frames)


def joint_axes(joints: Joints, frames: JointFrames, which: Sequence[tuple[int, int]]) -> Vec3:
    """Unit vectors about or along which chosen coordinates move, components (coordinates,)."""

    def component(part: int) -> jax.Array:
        def of_type(kind: JointType, index: tuple[int, ...]) -> tuple[jax.Array, ...]:
            return tuple(axis.direction[part] for axis in kind.axes(frames.gather(index)))

        return _of_types(joints, which, of_type, frames)

    return Vec3(component(0), component(1), component(2))


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
        return jnp.zeros(0, frames.child.position.x.dtype)
    return gather(jnp.concatenate(parts), tuple(places[coordinate] for coordinate in which))
