"""Axes of motion: where a unit rate of every degree of freedom moves the bodies that it carries.

Spatial vectors, a linear and an angular part, are taken about the centre of mass of the tree's
root: a velocity's linear part is that of the point of the body which is there, an impulse's angular
part is its moment about it. That keeps the numbers small wherever the robot is.

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

from diffsim.dynamics.bodies import Velocities
from diffsim.dynamics.tree import FREE, Degree, Tree, degrees, joints_by_type
from diffsim.dynamics.tree_sums import from_above
from diffsim.joints.joints import JOINT_TYPES, Axis, JointFrames, Joints, rates
from diffsim.math.indexing import WORLD, column, gather, join
from diffsim.math.vectors import Sym3, Vec3

Spatial = tuple[Vec3, Vec3]
"""Linear and angular part, about the tree's origin: of a velocity, or of a momentum or impulse."""


class SpatialInertia(NamedTuple):
    """Inertia about the tree's origin: mass, first moment m c, and rotational inertia."""

    mass: jax.Array
    moment: Vec3
    inertia: Sym3

    def times(self, velocity: Spatial) -> Spatial:
        """Linear and angular momentum."""
        linear, angular = velocity
        return (
            linear * self.mass + angular.cross(self.moment),
            self.inertia @ angular + self.moment.cross(linear),
        )

    def gather(self, index: Sequence[int]) -> SpatialInertia:
        """The inertias of the bodies at ``index``."""
        return SpatialInertia(
            gather(self.mass, index), self.moment.gather(index), self.inertia.gather(index)
        )


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


def joint_motions(
    tree: Tree, joints: Joints, frames: JointFrames, position: Vec3, origin: Vec3
) -> Spatial:
    """S of joints: the velocity for a unit rate, components (``order(tree).jointed`` degrees,).

    Args:
        tree, joints, frames: of the robot.
        position: of the bodies [m].
        origin: of every body's tree [m].
    """
    parts: list[Spatial] = []
    found: list[Degree] = []
    for alike in joints_by_type(tree):
        here = frames.gather(alike.joints)
        center = here.anchor_child - origin.gather(alike.bodies)
        for number, axis in enumerate(JOINT_TYPES[alike.type].axes(here)):
            parts.append(_motion(axis, center))
            found += [Degree(body, number) for body in alike.bodies]
    everything = degrees(tree)
    return _in_order(parts, found, [everything[place] for place in order(tree).jointed], position.x)


def all_motions(tree: Tree, motions: Spatial) -> Spatial:
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

    return (
        Vec3(*(whole(k, part) for k, part in enumerate(motions[0]))),
        Vec3(*(whole(3 + k, part) for k, part in enumerate(motions[1]))),
    )


def arcs(
    tree: Tree,
    joints: Joints,
    frames: JointFrames,
    everyone: Moving,
    reach: Vec3,
    timestep: jax.Array,
) -> Velocities:
    """The part of the bodies' mean velocities that bends their ways: h/2 (dS/dt) q̇.

    Args:
        tree, joints, frames: of the robot.
        everyone: all bodies.
        reach: from the tree's origin to the bodies [m].
        timestep: h [s].
    """
    parts: list[Spatial] = []
    found: list[int] = []
    for alike in joints_by_type(tree):
        here = frames.gather(alike.joints)
        parent = tuple(joints.parent[joint] for joint in alike.joints)
        parts.append(
            _bend(
                JOINT_TYPES[alike.type].axes(here),
                here.anchor_child,
                everyone.gather(parent),
                everyone.gather(alike.bodies),
            )
        )
        found += alike.bodies
    if not parts:
        nothing = jax.tree.map(jnp.zeros_like, reach)
        return Velocities(nothing, nothing)
    linear, angular = _in_order(parts, found, found, reach.x)
    about = reach.gather(tuple(found)).cross(angular)
    linear, angular = from_above(tree, (linear + about, angular), tuple(found))
    half = 0.5 * timestep
    return Velocities((linear + angular.cross(reach)) * half, angular * half)


def _in_order(
    parts: Sequence[Spatial], found: Sequence[Any], wanted: Sequence[Any], like: jax.Array
) -> Spatial:
    """Vectors that belong to ``found``, in the order of ``wanted``; zero where there is none."""
    places = {each: place for place, each in enumerate(found)}
    index = tuple(places.get(each, WORLD) for each in wanted)
    if not parts:
        zero = jnp.zeros((len(index), *like.shape[1:]), like.dtype)
        return Vec3(zero, zero, zero), Vec3(zero, zero, zero)

    def in_order(*pieces: jax.Array) -> jax.Array:
        return gather(join(pieces), index)

    result: Spatial = jax.tree.map(in_order, *parts)
    return result


class Moving(NamedTuple):
    """Bodies, where they are and how they move: all of them, or those on one side of some joints.

    Attributes:
        position, velocity, angular_velocity: components (bodies,); zero for the world.
        share: how far a step resolves their turning, shape (bodies,).
    """

    position: Vec3
    velocity: Vec3
    angular_velocity: Vec3
    share: jax.Array

    def gather(self, index: tuple[int, ...]) -> Moving:
        """The bodies at ``index``."""
        return Moving(
            self.position.gather(index),
            self.velocity.gather(index),
            self.angular_velocity.gather(index),
            gather(self.share, index),
        )


def _bend(axes: Sequence[Axis], anchor: Vec3, parent: Moving, child: Moving) -> Spatial:
    """Acceleration of the child, beyond that which its parent carries along, with q̈ = 0.

    Args:
        axes: of the joints.
        anchor: of the child, in the world [m].
        parent, child: the bodies.
    """
    linear = _centripetal(parent.angular_velocity, anchor - parent.position) * parent.share
    angular: Vec3 | None = None
    speeds = rates(
        axes,
        child.position - parent.position,
        (parent.velocity, parent.angular_velocity),
        (child.velocity, child.angular_velocity),
    )
    for axis, speed in zip(axes, speeds, strict=True):
        turner = child if axis.in_child else parent
        turning = turner.angular_velocity.cross(axis.direction) * (speed * turner.share)
        if not axis.turns:
            linear = linear + turning * 2.0
        else:
            angular = turning if angular is None else angular + turning
    arm = child.position - anchor
    linear = linear + _centripetal(child.angular_velocity, arm) * child.share
    if angular is None:
        return linear, jax.tree.map(jnp.zeros_like, linear)
    return linear + angular.cross(arm), angular


def _motion(axis: Axis, center: Vec3) -> Spatial:
    """Velocity at the origin for a unit rate; ``center`` is a point on the axis."""
    if axis.turns:
        return center.cross(axis.direction), axis.direction
    return axis.direction, jax.tree.map(jnp.zeros_like, center)


def _centripetal(angular_velocity: Vec3, offset: Vec3) -> Vec3:
    """ω × (ω × r)."""
    return angular_velocity.cross(angular_velocity.cross(offset))
