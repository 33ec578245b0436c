"""The static structure of a world's joints: which body is carried by which, in groups of like ones.

Eliminated joints make a forest. A body that none of them carries is a root with six degrees of
freedom. Bodies in the same place of the structure (the four femurs of a quadruped, say) form a
*group*; a group and those that it carries one by one, without a branch, form a *limb* (all four
legs). The copies of what is alike are called units: an array of a limb has an axis for its degrees
of freedom, numbered outwards, and one for its units.

Nothing here is traced: all of it is known when the graph is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from diffsim.math.indexing import WORLD

FREE = "free"
"""The type of a group of roots that no joint ties to the world."""

NONE = -1


class Slot(NamedTuple):
    """A limb, and which of its units each of several rows reads."""

    limb: int
    units: tuple[int, ...]


class Group(NamedTuple):
    """Bodies in the same place of the structure.

    Attributes:
        bodies: indices; their places in this list are called units.
        joints: index of the joint that carries each body, empty for free roots.
        type: of the joints, or ``FREE``.
        freedoms: of each body against its parent.
        parent: the group of their parents, ``NONE`` for roots.
        parent_units: the unit of each body's parent.
    """

    bodies: tuple[int, ...]
    joints: tuple[int, ...]
    type: str
    freedoms: int
    parent: int
    parent_units: tuple[int, ...]


class Limb(NamedTuple):
    """Groups that carry each other, each of them the only one on the one before.

    Attributes:
        groups: numbers, from the root outwards.
        units: how many there are of each.
        parent: the limb that carries it, ``NONE`` for those at a root.
        parent_units: the unit there that carries each unit.
        degrees: group and coordinate of every degree of freedom, from the root outwards.
    """

    groups: tuple[int, ...]
    units: int
    parent: int
    parent_units: tuple[int, ...]
    degrees: tuple[tuple[int, int], ...]


class Tree(NamedTuple):
    """All groups and limbs, parents before children.

    The degrees of freedom of all limbs together are numbered limb by limb, and in a limb degree by
    degree, unit by unit.

    Attributes:
        groups: of bodies.
        limbs: of groups.
        group_of, unit_of: where each body is.
        limb_of: where each group is.
        parent_of: the body that carries each body, or ``WORLD``.
        root_of: the body at the root of each body's tree.
    """

    groups: tuple[Group, ...]
    limbs: tuple[Limb, ...]
    group_of: tuple[int, ...]
    unit_of: tuple[int, ...]
    limb_of: tuple[int, ...]
    parent_of: tuple[int, ...]
    root_of: tuple[int, ...]

    @property
    def order(self) -> tuple[int, ...]:
        """All bodies, group by group."""
        return tuple(body for group in self.groups for body in group.bodies)


def build_tree(
    bodies: int,
    joints: tuple[int, ...],
    types: tuple[str, ...],
    freedoms: tuple[int, ...],
    parent: tuple[int, ...],
    child: tuple[int, ...],
) -> Tree:
    """The structure of so many bodies.

    Args:
        bodies: how many there are.
        joints: indices of the eliminated joints.
        types, freedoms, parent, child: of all joints.

    Raises:
        ValueError: if the joints do not make a forest.
    """
    carrier = {child[j]: j for j in joints}
    if len(carrier) != len(joints):
        raise ValueError("a body is carried by two eliminated joints")
    parent_of = tuple(parent[carrier[b]] if b in carrier else WORLD for b in range(bodies))
    groups: list[Group] = []
    group_of, unit_of, root_of = [NONE] * bodies, [NONE] * bodies, [NONE] * bodies
    waiting = list(range(bodies))
    while waiting:
        # Bodies whose parents are placed, by the parents' group and the joint's type.
        members: dict[tuple[int, str], list[int]] = {}
        for body in waiting:
            above = NONE if parent_of[body] == WORLD else group_of[parent_of[body]]
            if parent_of[body] == WORLD or above != NONE:
                kind = types[carrier[body]] if body in carrier else FREE
                members.setdefault((above, kind), []).append(body)
        if not members:
            raise ValueError("the eliminated joints form a ring")
        for (above, kind), found in members.items():
            if above != NONE:  # children in the order of their parents, so that units line up
                found.sort(key=lambda body: unit_of[parent_of[body]])
            for unit, body in enumerate(found):
                group_of[body], unit_of[body] = len(groups), unit
                root_of[body] = body if above == NONE else root_of[parent_of[body]]
            carried_by = tuple(carrier[body] for body in found if body in carrier)
            freedom = freedoms[carried_by[0]] if carried_by else 6
            units = () if above == NONE else tuple(unit_of[parent_of[body]] for body in found)
            groups.append(Group(tuple(found), carried_by, kind, freedom, above, units))
        waiting = [body for body in waiting if group_of[body] == NONE]
    limbs, limb_of = _limbs(groups)
    return Tree(
        tuple(groups), limbs, tuple(group_of), tuple(unit_of), limb_of, parent_of, tuple(root_of)
    )


def _limbs(groups: Sequence[Group]) -> tuple[tuple[Limb, ...], tuple[int, ...]]:
    """The limbs of these groups, and which of them each group is in."""
    above = [group.parent for group in groups]
    limbs: list[Limb] = []
    limb_of: list[int] = []
    for number, group in enumerate(groups):
        degrees = tuple((number, coordinate) for coordinate in range(group.freedoms))
        carrier = group.parent
        goes_on = (
            carrier != NONE
            and above.count(carrier) == 1
            and group.parent_units == tuple(range(len(groups[carrier].bodies)))
        )
        if goes_on:
            limb = limbs[limb_of[carrier]]
            limbs[limb_of[carrier]] = limb._replace(
                groups=(*limb.groups, number), degrees=limb.degrees + degrees
            )
            limb_of.append(limb_of[carrier])
            continue
        parent = NONE if carrier == NONE else limb_of[carrier]
        limbs.append(Limb((number,), len(group.bodies), parent, group.parent_units, degrees))
        limb_of.append(len(limbs) - 1)
    return tuple(limbs), tuple(limb_of)


class Alike(NamedTuple):
    """All joints of one type that carry bodies, group after group.

    Attributes:
        type: of the joints.
        joints: indices, group after group, parents before children.
        bodies: that they carry.
    """

    type: str
    joints: tuple[int, ...]
    bodies: tuple[int, ...]


@cache
def joints_by_type(tree: Tree) -> tuple[Alike, ...]:
    """The joints of all groups, by type; free roots have none."""
    return tuple(
        Alike(
            kind,
            tuple(joint for group in tree.groups if group.type == kind for joint in group.joints),
            tuple(body for group in tree.groups if group.type == kind for body in group.bodies),
        )
        for kind in dict.fromkeys(group.type for group in tree.groups if group.type != FREE)
    )


def branch(tree: Tree, body: int) -> int:
    """The outermost body below the root of a free tree that carries this one; else its root."""
    while True:
        group = tree.groups[tree.group_of[body]]
        if group.parent == NONE:
            return body
        above = tree.groups[group.parent]
        if above.parent == NONE and above.type == FREE:
            return body
        body = above.bodies[group.parent_units[tree.unit_of[body]]]


@cache
def path(tree: Tree, limb: int, units: tuple[int, ...]) -> tuple[Slot, ...]:
    """A limb and all limbs that carry it, each with the units that belong to ``units``."""
    found = [Slot(limb, units)]
    while tree.limbs[limb].parent != NONE:
        here = tree.limbs[limb]
        limb, units = here.parent, tuple(here.parent_units[unit] for unit in units)
        found.append(Slot(limb, units))
    return tuple(found)


def body_path(tree: Tree, bodies: tuple[int, ...]) -> tuple[Slot, ...]:
    """The limbs that move these bodies, which are all of one group, the outermost first."""
    (group,) = {tree.group_of[body] for body in bodies}
    return path(tree, tree.limb_of[group], tuple(tree.unit_of[body] for body in bodies))


def moves(tree: Tree, slot: Slot, body: int) -> tuple[bool, ...]:
    """Degrees of freedom of a limb on the body's path that move it, as booleans."""
    group = tree.group_of[body]
    return tuple(
        tree.limb_of[group] != slot.limb or number <= group
        for number, _ in tree.limbs[slot.limb].degrees
    )


class Degree(NamedTuple):
    """A degree of freedom: the body that it moves against its parent, and the coordinate."""

    body: int
    coordinate: int


@cache
def degrees(tree: Tree) -> tuple[Degree, ...]:
    """All degrees of freedom in their order."""
    return tuple(
        Degree(body, coordinate)
        for limb in tree.limbs
        for number, coordinate in limb.degrees
        for body in tree.groups[number].bodies
    )
