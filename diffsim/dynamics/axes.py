"""Axes of motion: where a unit rate of every degree of freedom moves the bodies that it carries.

Twists and wrenches are taken about the centre of mass of the tree's root: a twist's linear part is
the velocity of the body's point which is there, a wrench's torque its moment about that point. That
keeps the numbers small wherever the robot is.

Bodies on joints move along arcs. With q̈ = 0 their acceleration adds up along the tree, and half a
step of it makes the mean velocity through a step the chord of the arc.

Source: Featherstone, "Rigid Body Dynamics Algorithms", 2008, chapter 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.dynamics.tree import FREE, Degree, Tree, degrees, joints_by_type
from diffsim.dynamics.tree_sums import from_above
from diffsim.joints.coordinates import rates
from diffsim.joints.joint_type import Axis, JointFrames
from diffsim.joints.joints import Joints
from diffsim.joints.table import JOINT_TYPES
from diffsim.math.indexing import WORLD, column, gather, join
from diffsim.math.spatial import Twist
from diffsim.math.vectors import Vec3


class Order(NamedTuple):
    """Places of free roots and joints among all degrees of freedom.

    Attributes:
        free: for each of the six directions, the degrees of all free roots.
        free_bodies: the free roots.
        jointed: degrees of joints.
        jointed_bodies: that they move against their parents.
        together: for each degree, where it is if those of free roots come first.
    """

    free: tuple[tuple[int, ...], ...]
    free_bodies: tuple[int, ...]
    jointed: tuple[int, ...]
    jointed_bodies: tuple[int, ...]
    together: tuple[int, ...]


@cache
def order(tree: Tree) -> Order:
    """Places of free roots and joints among the tree's degrees of freedom."""
    everything = degrees(tree)
    roots = tuple(body for group in tree.groups if group.type == FREE for body in group.bodies)
    places = {degree: place for place, degree in enumerate(everything)}
    free = tuple(tuple(places[Degree(body, k)] for body in roots) for k in range(6))
    jointed = tuple(place for degree, place in places.items() if degree.body not in set(roots))
    found = [place for direction in free for place in direction] + list(jointed)
    return Order(
        free=free,
        free_bodies=roots,
        jointed=jointed,
        jointed_bodies=tuple(everything[place].body for place in jointed),
        together=tuple(found.index(place) for place in range(len(everything))),
    )


def joint_motions(tree: Tree, frames: JointFrames, position: Vec3, origin: Vec3) -> Twist:
    """S of joints: the velocity for a unit rate, components (``order(tree).jointed`` degrees,).

    Args:
        tree, frames: of the robot.
        position: of the bodies [m].
        origin: of every body's tree [m].
    """
    parts: list[Twist] = []
    found: list[Degree] = []
    for alike in joints_by_type(tree):
        here = frames.gather(alike.joints)
        center = here.child.position - origin.gather(alike.bodies)
        for number, axis in enumerate(JOINT_TYPES[alike.type].axes(here)):
            parts.append(_motion(axis, center))
            found += [Degree(body, number) for body in alike.bodies]
    everything = degrees(tree)
    return _in_order(parts, found, [everything[place] for place in order(tree).jointed], position.x)


def all_motions(tree: Tree, motions: Twist) -> Twist:
    """S of all degrees of freedom, components (degrees,).

    Args:
        tree: the structure.
        motions: of the joints. Free roots move along and about the world's axes.
    """
    layout = order(tree)
    count = len(layout.free_bodies)
    if not count:
        return motions

    def whole(direction: int, part: jax.Array) -> jax.Array:
        ones = np.repeat(np.arange(6) == direction, count)
        unit = column(ones, part).astype(part.dtype)
        both = [jnp.broadcast_to(unit, (6 * count, *part.shape[1:])), part]
        return gather(jnp.concatenate(both), layout.together)

    return Twist(
        Vec3(*(whole(k, part) for k, part in enumerate(motions.linear))),
        Vec3(*(whole(3 + k, part) for k, part in enumerate(motions.angular))),
    )


def arcs(
    tree: Tree,
    joints: Joints,
    frames: JointFrames,
    everyone: Moving,
    reach: Vec3,
    timestep: jax.Array,
) -> Twist:
    """The part of the bodies' mean velocities that bends their ways: h/2 (dS/dt) q̇.

    Args:
        tree, joints, frames: of the robot.
        everyone: all bodies.
        reach: from the tree's origin to the bodies [m].
        timestep: h [s].
    """
    parts: list[Twist] = []
    found: list[int] = []
    for alike in joints_by_type(tree):
        here = frames.gather(alike.joints)
        parent = tuple(joints.parent[joint] for joint in alike.joints)
        parts.append(
            _bend(
                JOINT_TYPES[alike.type].axes(here),
                here.child.position,
                everyone.gather(parent),
                everyone.gather(alike.bodies),
            )
        )
        found += alike.bodies
    if not parts:
        nothing = jax.tree.map(jnp.zeros_like, reach)
        return Twist(nothing, nothing)
    bends = _in_order(parts, found, found, reach.x)
    about = reach.gather(tuple(found)).cross(bends.angular)
    total = from_above(tree, Twist(bends.linear + about, bends.angular), tuple(found))
    return Twist(total.at(reach), total.angular) * (0.5 * timestep)


def _in_order(
    parts: Sequence[Twist], found: Sequence[Any], wanted: Sequence[Any], like: jax.Array
) -> Twist:
    """Vectors that belong to ``found``, in the order of ``wanted``; zero where there is none."""
    places = {each: place for place, each in enumerate(found)}
    index = tuple(places.get(each, WORLD) for each in wanted)
    if not parts:
        zero = jnp.zeros((len(index), *like.shape[1:]), like.dtype)
        return Twist(Vec3(zero, zero, zero), Vec3(zero, zero, zero))

    def in_order(*pieces: jax.Array) -> jax.Array:
        return gather(join(pieces), index)

    result: Twist = jax.tree.map(in_order, *parts)
    return result


class Moving(NamedTuple):
    """Bodies, where they are and how they move: all of them, or those on one side of some joints.

    Attributes:
        position: of the centres of mass [m], components (bodies,); zero for the world.
        twist: the same of their velocities.
        share: how far a step resolves their turning, shape (bodies,).
    """

    position: Vec3
    twist: Twist
    share: jax.Array

    def gather(self, index: tuple[int, ...]) -> Moving:
        """The bodies at ``index``."""
        return Moving(
            self.position.gather(index), self.twist.gather(index), gather(self.share, index)
        )


def _bend(axes: Sequence[Axis], anchor: Vec3, parent: Moving, child: Moving) -> Twist:
    """Acceleration of the child, beyond that which its parent carries along, with q̈ = 0.

    Args:
        axes: of the joints.
        anchor: of the child, in the world [m].
        parent, child: the bodies.
    """
    linear = _centripetal(parent.twist.angular, anchor - parent.position) * parent.share
    angular: Vec3 | None = None
    speeds = rates(axes, child.position - parent.position, parent.twist, child.twist)
    for axis, speed in zip(axes, speeds, strict=True):
        turner = child if axis.in_child else parent

        def bend(direction: Vec3, turner: Moving = turner, speed: jax.Array = speed) -> Vec3:
            return turner.twist.angular.cross(direction) * (speed * turner.share)

        if axis.linear is not None:
            linear = linear + bend(axis.linear) * 2.0
        if axis.angular is not None:
            turning = bend(axis.angular)
            angular = turning if angular is None else angular + turning
    arm = child.position - anchor
    linear = linear + _centripetal(child.twist.angular, arm) * child.share
    if angular is None:
        return Twist(linear, jax.tree.map(jnp.zeros_like, linear))
    return Twist(linear + angular.cross(arm), angular)


def _motion(axis: Axis, center: Vec3) -> Twist:
    """Velocity at the origin for a unit rate; ``center`` is a point on the axis."""
    if axis.angular is None:
        return Twist(axis.direction, jax.tree.map(jnp.zeros_like, center))
    swing = center.cross(axis.angular)
    return Twist(swing if axis.linear is None else swing + axis.linear, axis.angular)


def _centripetal(angular_velocity: Vec3, offset: Vec3) -> Vec3:
    """ω × (ω × r)."""
    return angular_velocity.cross(angular_velocity.cross(offset))
