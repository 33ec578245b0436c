"""Putting the bodies of a tree back together after they have moved.

Roots that no joint carries move along straight lines over a step, and turn; so do bodies on ball
joints turn. Every other body is where the motion along its joint's axes leads it, from its parent
outwards. So eliminated joints hold to round-off. A tree that no joint ties to the world is then
shifted so that its centre of mass is where its momentum has taken it, and turned as a whole by as
much as keeps its angular momentum: both are terms of third order in the time step.

Source: for products along the tree Hillis, Steele, "Data parallel algorithms", 1986.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.dynamics.axes import order
from diffsim.dynamics.bodies import Bodies, Velocities
from diffsim.dynamics.tree import FREE, Degree, Tree, degrees, joints_by_type
from diffsim.dynamics.tree_sums import from_above, of_whole_tree
from diffsim.joints.joints import JOINT_TYPES, JointFrames, Joints, grounded
from diffsim.math.indexing import WORLD, column, gather, join
from diffsim.math.vectors import Mat3, Vec3, point_inertia


class Assembly(NamedTuple):
    """Bodies put together.

    Attributes:
        position, rotation: with which all eliminated joints hold.
        shift: by how much the bodies of free trees were moved; zero in tied trees [m].
    """

    position: Vec3
    rotation: Mat3
    shift: Vec3


def assemble(
    tree: Tree,
    bodies: Bodies,
    joints: Joints,
    frames: JointFrames,
    straight: Vec3,
    turned: Mat3,
    changes: jax.Array,
) -> Assembly:
    """Positions and rotations with which all eliminated joints hold.

    Args:
        tree, bodies, joints: parameters.
        frames: of the joints, at the start of the step.
        straight: where the bodies' centres would be if they moved by themselves [m].
        turned: rotations of the bodies that turn freely at the end of the step, components
            (``spinning`` bodies,).
        changes: motion along every degree of freedom [m] or [rad], shape (degrees,).
    """
    if all(group.type == FREE for group in tree.groups):
        return Assembly(straight, turned, jax.tree.map(jnp.zeros_like, straight))
    links = _links(tree, joints, frames, straight, turned, changes)
    rotation = _turned_along(tree, links.rotation)
    arm = _of_parents(tree.parent_of, rotation) @ links.place - rotation @ links.end
    position = from_above(tree, arm, tuple(range(len(tree.parent_of))))
    free = column(
        [tree.groups[tree.group_of[root]].type == FREE for root in tree.root_of], position.x
    )
    shift = (position - straight) * free.astype(position.x.dtype)
    center = _center(tree, bodies, shift)
    return Assembly(position - center, rotation, shift - center)


class Links(NamedTuple):
    """The way from every body's parent to the body, components (bodies,).

    Attributes:
        place: of the joint's child side in the parent's frame; a free root's in the world [m].
        rotation: in the parent's frame; of bodies that turn freely in the world's.
        end: of the joint in the body's own frame [m].
    """

    place: Vec3
    rotation: Mat3
    end: Vec3


def _links(
    tree: Tree,
    joints: Joints,
    frames: JointFrames,
    straight: Vec3,
    turned: Mat3,
    changes: jax.Array,
) -> Links:
    """Links after the step; the arguments are those of ``assemble``."""
    places = {degree: place for place, degree in enumerate(degrees(tree))}
    roots = order(tree).free_bodies
    free = spinning(tree)
    turns = turned.gather(tuple(free.index(body) for body in roots))
    parts = [Links(straight.gather(roots), turns, jax.tree.map(jnp.zeros_like, turns.c0))]
    for alike in joints_by_type(tree):
        kind, index = JOINT_TYPES[alike.type], alike.joints
        place, rotation = joints.anchor_parent.gather(index), joints.frame_parent.gather(index)
        if kind.turns_freely:
            rotation = turned.gather(tuple(free.index(body) for body in alike.bodies))
        else:
            along = [
                position + gather(changes, tuple(places[Degree(b, k)] for b in alike.bodies))
                for k, position in enumerate(kind.coordinates(frames.gather(index)))
            ]
            slide, axes = kind.carry(rotation, along)
            rotation = axes.times(joints.frame_child.gather(index).transpose())
            place = place + slide
        # What does not move is the same for all robots.
        whole = partial(jnp.broadcast_to, shape=(len(index), *straight.x.shape[1:]))
        end = joints.anchor_child.gather(index)
        parts.append(jax.tree.map(whole, Links(place, rotation, end)))
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
    """The bodies that turn freely: free roots, and what ball joints carry."""
    free = (group.bodies for group in tree.groups if JOINT_TYPES[group.type].turns_freely)
    return tuple(body for bodies in free for body in bodies)


def keep_angular_momentum(
    tree: Tree, bodies: Bodies, assembly: Assembly, velocities: Velocities, resolved: jax.Array
) -> Velocities:
    """The velocities with which free trees have the angular momentum of before the assembly.

    Moving a body by δ with its momentum p changes it by δ × p. The whole tree gets the opposite, as
    the rigid body that it is at this moment: so no joint feels anything of it. ``resolved`` says of
    each body how far this is to be done (``diffsim.dynamics.bodies``).
    """
    free = [root for root in set(tree.root_of) if tree.groups[tree.group_of[root]].type == FREE]
    if all(tree.root_of.count(root) == 1 for root in free):
        return velocities
    arm = assembly.position - _center(tree, bodies, assembly.position)
    own = bodies.inertia.rotated_by(assembly.rotation)
    inertia = of_whole_tree(tree, own + point_inertia(bodies.mass, arm))
    change = of_whole_tree(tree, assembly.shift.cross(velocities.linear * bodies.mass) * resolved)
    turn = -(inertia.inverse() @ change)
    return Velocities(velocities.linear + turn.cross(arm), velocities.angular + turn)


def _center(tree: Tree, bodies: Bodies, vector: Vec3) -> Vec3:
    """The mean over each body's tree, weighted with mass."""
    total = of_whole_tree(tree, (vector * bodies.mass, bodies.mass))
    return total[0] * (1.0 / total[1])
