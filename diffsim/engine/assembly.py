"""Putting the bodies of a tree back together after they have moved.

Roots that no joint carries move along straight lines over a step, and turn; so do bodies on ball
joints turn. Every other body is where the motion along its joint's axes leads it, from its parent
outwards. So eliminated joints hold to round-off. A tree that no joint ties to the world is then
shifted so that its centre of mass is where its momentum has taken it, and turned as a whole by as
much as keeps its angular momentum: both are terms of third order in the time step.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.engine.bodies import Bodies, Velocities
from diffsim.engine.elimination import by_body
from diffsim.engine.indexing import column, gather, scatter_add
from diffsim.engine.joints import JOINT_TYPES, JointFrames, Joints
from diffsim.engine.tree import FREE, NONE, Tree, joints_by_type
from diffsim.engine.vectors import Mat3, Vec3, point_inertia


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
    changes: Sequence[jax.Array],
) -> Assembly:
    """Positions and rotations with which all eliminated joints hold.

    Args:
        tree, bodies, joints: parameters.
        frames: of the joints, at the start of the step.
        straight: where the bodies' centres would be if they moved by themselves [m].
        turned: rotations of the bodies that turn freely at the end of the step, components
            (``spinning`` bodies,).
        changes: motion along every degree of freedom [m] or [rad].
    """
    if all(group.type == FREE for group in tree.groups):
        return Assembly(straight, turned, jax.tree.map(jnp.zeros_like, straight))
    carried = _carried(tree, joints, frames, changes)
    own = {body: place for place, body in enumerate(spinning(tree))}
    poses: list[tuple[Vec3, Mat3]] = []
    for number, group in enumerate(tree.groups):
        if group.type == FREE:
            turns = turned.gather(tuple(own[body] for body in group.bodies))
            poses.append((straight.gather(group.bodies), turns))
            continue
        place, rotation = carried[number]
        if group.parent != NONE:
            origin, above = poses[group.parent]
            axes = above.gather(group.parent_units)
            place = origin.gather(group.parent_units) + axes @ place
            rotation = axes.times(rotation)
        if JOINT_TYPES[group.type].turns_freely:  # about the joint, where it has been led to
            rotation = turned.gather(tuple(own[body] for body in group.bodies))
            place = place - rotation @ joints.anchor_child.gather(group.joints)
        poses.append((place, rotation))

    position = by_body(tree, [place for place, _ in poses])
    columns = zip(*(axes for _, axes in poses), strict=True)
    rotation = Mat3(*(by_body(tree, column) for column in columns))
    free = column(
        [tree.groups[tree.group_of[root]].type == FREE for root in tree.root_of], position.x
    )
    shift = (position - straight) * free.astype(position.x.dtype)
    center = _center(tree, bodies, shift)
    return Assembly(position - center, rotation, shift - center)


def _carried(
    tree: Tree, joints: Joints, frames: JointFrames, changes: Sequence[jax.Array]
) -> dict[int, tuple[Vec3, Mat3]]:
    """Place and rotation of the bodies of each group in their parents' frames, after the step.

    For bodies that turn freely it is the place of the joint.
    """
    found: dict[int, tuple[Vec3, Mat3]] = {}
    for alike in joints_by_type(tree):
        kind, index = JOINT_TYPES[alike.type], alike.joints
        groups = [tree.groups[number] for number in alike.groups]
        before = frames.gather(index)
        place, rotation = joints.anchor_parent.gather(index), joints.frame_parent.gather(index)
        if not kind.turns_freely:
            along = [
                position + jnp.concatenate([changes[group.degrees[k]] for group in groups])
                for k, position in enumerate(kind.coordinates(before))
            ]
            slide, axes = kind.carry(rotation, along)
            rotation = axes.times(joints.frame_child.gather(index).transpose())
            place = place + slide - rotation @ joints.anchor_child.gather(index)
        # What does not move is the same for all robots.
        shape = before.anchor_child.x.shape
        whole = jax.tree.map(partial(jnp.broadcast_to, shape=shape), (place, rotation))
        for number, units in zip(alike.groups, alike.places, strict=True):
            found[number] = (whole[0].gather(units), whole[1].gather(units))
    return found


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
    each body how far this is to be done (``diffsim.engine.bodies``).
    """
    free = [root for root in set(tree.root_of) if tree.groups[tree.group_of[root]].type == FREE]
    if all(tree.root_of.count(root) == 1 for root in free):
        return velocities
    arm = assembly.position - _center(tree, bodies, assembly.position)
    own = bodies.inertia.rotated_by(assembly.rotation)
    inertia = _total_of_tree(tree, own + point_inertia(bodies.mass, arm))
    change = _total_of_tree(tree, assembly.shift.cross(velocities.linear * bodies.mass) * resolved)
    turn = -(inertia.inverse() @ change)
    return Velocities(velocities.linear + turn.cross(arm), velocities.angular + turn)


def _center(tree: Tree, bodies: Bodies, vector: Vec3) -> Vec3:
    """The mean over each body's tree, weighted with mass."""
    total = _total_of_tree(tree, (vector * bodies.mass, bodies.mass))
    return total[0] * (1.0 / total[1])


def _total_of_tree(tree: Tree, values: Any) -> Any:
    """The sum over each body's tree, for each body."""
    roots = sorted(set(tree.root_of))
    number = tuple(roots.index(root) for root in tree.root_of)

    def total(leaf: jax.Array) -> jax.Array:
        by_root = scatter_add(jnp.zeros_like(leaf[: len(roots)]), number, leaf)
        return gather(by_root, number)

    return jax.tree.map(total, values)
