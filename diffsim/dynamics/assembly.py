"""Putting the bodies of a tree back together after they have moved.

Roots that no joint carries move along straight lines over a step, and turn; so do bodies turn on
joints that turn freely. Every other body is where the motion along its joint's axes leads it, from
its parent outwards. So eliminated joints hold to round-off. A tree that no joint ties to the world
is then shifted so that its centre of mass is where its momentum has taken it, and turned as a whole
by as much as keeps its angular momentum: both are terms of third order in the time step.

Source: for products along the tree Hillis, Steele, "Data parallel algorithms", 1986.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.dynamics.axes import order
from diffsim.dynamics.bodies import Bodies
from diffsim.dynamics.tree import FREE, Degree, Tree, degrees, joints_by_type
from diffsim.dynamics.tree_sums import from_above, of_whole_tree
from diffsim.joints.joint_type import JointFrames
from diffsim.joints.joints import Joints
from diffsim.joints.table import JOINT_TYPES
from diffsim.math.indexing import WORLD, column, gather, join
from diffsim.math.rotations import grounded
from diffsim.math.spatial import Pose, Twist
from diffsim.math.vectors import Mat3, Vec3, point_inertia


class Assembly(NamedTuple):
    """Bodies put together.

    Attributes:
        pose: of all bodies, with which all eliminated joints hold.
        shift: by how much the bodies of free trees were moved; zero in tied trees [m].
    """

    pose: Pose
    shift: Vec3


def assemble(
    tree: Tree,
    bodies: Bodies,
    joints: Joints,
    frames: JointFrames,
    alone: Pose,
    changes: jax.Array,
) -> Assembly:
    """Positions and rotations with which all eliminated joints hold.

    Args:
        tree, bodies, joints: parameters.
        frames: of the joints, at the start of the step.
        alone: positions that the bodies would have if they moved by themselves, components
            (bodies,), and rotations of those that turn freely, components (``spinning`` bodies,).
        changes: motion along every degree of freedom [m] or [rad], shape (degrees,).
    """
    if all(group.type == FREE for group in tree.groups):
        return Assembly(alone, jax.tree.map(jnp.zeros_like, alone.position))
    links = _links(tree, joints, frames, alone, changes)
    rotation = _turned_along(tree, links.pose.rotation)
    arm = _of_parents(tree.parent_of, rotation) @ links.pose.position - rotation @ links.end
    position = from_above(tree, arm, tuple(range(len(tree.parent_of))))
    free = column(
        [tree.groups[tree.group_of[root]].type == FREE for root in tree.root_of], position.x
    )
    shift = (position - alone.position) * free.astype(position.x.dtype)
    center = _center(tree, bodies, shift)
    return Assembly(Pose(position - center, rotation), shift - center)


class Links(NamedTuple):
    """The way from every body's parent to the body, components (bodies,).

    Attributes:
        pose: of the joint's child side in the parent's frame, in the world of a free root; its
            rotation in the world, too, of bodies that turn freely.
        end: of the joint in the body's own frame [m].
    """

    pose: Pose
    end: Vec3


def _links(
    tree: Tree,
    joints: Joints,
    frames: JointFrames,
    alone: Pose,
    changes: jax.Array,
) -> Links:
    """Links after the step; the arguments are those of ``assemble``."""
    places = {degree: place for place, degree in enumerate(degrees(tree))}
    roots = order(tree).free_bodies
    free = spinning(tree)
    turns = alone.rotation.gather(tuple(free.index(body) for body in roots))
    nowhere = jax.tree.map(jnp.zeros_like, turns.c0)
    parts = [Links(Pose(alone.position.gather(roots), turns), nowhere)]
    for alike in joints_by_type(tree):
        kind, index = JOINT_TYPES[alike.type], alike.joints
        place, rotation = joints.parent_frame.gather(index)
        end, mount = joints.child_frame.gather(index)
        if kind.turns_freely:
            rotation = alone.rotation.gather(tuple(free.index(body) for body in alike.bodies))
        else:
            own = frames.gather(index)
            along = [
                position + gather(changes, tuple(places[Degree(b, k)] for b in alike.bodies))
                for k, position in enumerate(kind.coordinates(own))
            ]
            slide, axes = kind.carry(rotation, along, own.parameters)
            rotation = axes.times(mount.transpose())
            place = place + slide
        # What does not move is the same for all robots.
        whole = partial(jnp.broadcast_to, shape=(len(index), *alone.position.x.shape[1:]))
        parts.append(jax.tree.map(whole, Links(Pose(place, rotation), end)))
    bodies = roots + tuple(body for alike in joints_by_type(tree) for body in alike.bodies)
    found = tuple(bodies.index(body) for body in range(len(bodies)))
    parts = parts if roots else parts[1:]
    result: Links = jax.tree.map(lambda *pieces: gather(join(pieces), found), *parts)
    return result


def _of_parents(parents: tuple[int, ...], rotation: Mat3) -> Mat3:
    """Rotations of the bodies above, the identity for the world."""
    return grounded(parents, rotation.gather(parents))


def _turned_along(tree: Tree, rotation: Mat3) -> Mat3:
    """Rotations in the world from those against the parents, in log₂ of the tree's depth steps.

    After k of them every rotation is against the 2ᵏ-th body above, or the world.
    """
    free = set(spinning(tree))
    above = tuple(WORLD if body in free else up for body, up in enumerate(tree.parent_of))
    while any(body != WORLD for body in above):
        rotation = _of_parents(above, rotation).times(rotation)
        above = tuple(WORLD if body == WORLD else above[body] for body in above)
    return rotation


def spinning(tree: Tree) -> tuple[int, ...]:
    """The bodies that turn freely: free roots, and what joints that turn freely carry."""
    free = (group.bodies for group in tree.groups if JOINT_TYPES[group.type].turns_freely)
    return tuple(body for bodies in free for body in bodies)


def keep_angular_momentum(
    tree: Tree, bodies: Bodies, assembly: Assembly, twist: Twist, resolved: jax.Array
) -> Twist:
    """The velocities with which free trees have the angular momentum of before the assembly.

    Moving a body by δ with its momentum p changes it by δ × p. The whole tree gets the opposite, as
    the rigid body that it is at this moment: so no joint feels anything of it. ``resolved`` says of
    each body how far this is to be done (``diffsim.dynamics.bodies``).
    """
    free = [root for root in set(tree.root_of) if tree.groups[tree.group_of[root]].type == FREE]
    if all(tree.root_of.count(root) == 1 for root in free):
        return twist
    position, rotation = assembly.pose
    arm = position - _center(tree, bodies, position)
    own = bodies.inertia.rotated_by(rotation)
    inertia = of_whole_tree(tree, own + point_inertia(bodies.mass, arm))
    change = of_whole_tree(tree, assembly.shift.cross(twist.linear * bodies.mass) * resolved)
    turn = -(inertia.inverse() @ change)
    return Twist(twist.linear + turn.cross(arm), twist.angular + turn)


def _center(tree: Tree, bodies: Bodies, vector: Vec3) -> Vec3:
    """The mean over each body's tree, weighted with mass."""
    total = of_whole_tree(tree, (vector * bodies.mass, bodies.mass))
    return total[0] * (1.0 / total[1])
