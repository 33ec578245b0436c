"""Putting the bodies of a tree back together after they have moved.

Bodies move along straight lines over a step and turn by themselves; what eliminated joints hold is
then off by terms of third order in the time step. From the roots outwards, every body is turned and
moved back by the error of its joint. A tree that no joint ties to the world is then shifted so that
its centre of mass is where its momentum has taken it, and turned as a whole by as much as keeps its
angular momentum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.engine.bodies import Bodies, Velocities
from diffsim.engine.elimination import by_body
from diffsim.engine.indexing import column, gather, scatter_add
from diffsim.engine.joints import JOINT_TYPES, Held, Joints, frames_between
from diffsim.engine.rotations import rotate_slightly
from diffsim.engine.tree import FREE, NONE, Tree
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
    tree: Tree, bodies: Bodies, joints: Joints, position: Vec3, rotation: Mat3
) -> Assembly:
    """Positions and rotations, near those given, with which all eliminated joints hold."""
    if all(group.type == FREE for group in tree.groups):
        return Assembly(position, rotation, jax.tree.map(jnp.zeros_like, position))
    poses: list[tuple[Vec3, Mat3]] = []
    for group in tree.groups:
        here, turned = position.gather(group.bodies), rotation.gather(group.bodies)
        if group.type == FREE:
            poses.append((here, turned))
            continue
        if group.parent == NONE:
            nothing = jax.tree.map(jnp.zeros_like, here)
            parent = (nothing, Mat3(nothing, nothing, nothing))
        else:
            above = poses[group.parent]
            parent = (above[0].gather(group.parent_units), above[1].gather(group.parent_units))
        kind = JOINT_TYPES[group.type]

        # Turn first: where the anchor is depends on it.
        held = kind.held(frames_between(joints, group.joints, parent, (here, turned)))
        turned = rotate_slightly(turned, -_total(held, here, turns=True))
        held = kind.held(frames_between(joints, group.joints, parent, (here, turned)))
        poses.append((here - _total(held, here, turns=False), turned))

    moved = by_body(tree, [place for place, _ in poses])
    columns = zip(*(turned for _, turned in poses), strict=True)
    turns = Mat3(*(by_body(tree, column) for column in columns))
    free = column([tree.groups[tree.group_of[root]].type == FREE for root in tree.root_of], moved.x)
    shift = (moved - position) * free.astype(moved.x.dtype)
    center = _center(tree, bodies, shift)
    return Assembly(moved - center, turns, shift - center)


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


def _total(held: Sequence[Held], like: Vec3, turns: bool) -> Vec3:
    """All errors that are turns, or that are not, as one vector."""
    total = jax.tree.map(jnp.zeros_like, like)
    for axis, error in held:
        if axis.turns == turns:
            total = total + axis.direction * error
    return total


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
