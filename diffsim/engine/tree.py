"""The static structure of a world's joints: which body is carried by which, in groups of like ones.

Eliminated joints make a forest. A body that none of them carries is a root with six degrees of
freedom. Bodies in the same place of the structure (the four femurs of a quadruped, say) form a
*group* and are treated as one array. The degrees of freedom of a group are numbered from the roots
outwards; ``degree`` 7 of a group of four bodies is then an array of four numbers.

Nothing here is traced: all of it is known when the graph is built.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from diffsim.engine.indexing import WORLD

FREE = "free"
"""The type of a group of roots that no joint ties to the world."""

NONE = -1


class Slot(NamedTuple):
    """A degree of freedom, and which of its group's units each of several rows reads."""

    degree: int
    units: tuple[int, ...]


class Group(NamedTuple):
    """Bodies in the same place of the structure.

    Attributes:
        bodies: indices; their places in this list are called units.
        joints: index of the joint that carries each body, empty for free roots.
        type: of the joints, or ``FREE``.
        parent: the group of their parents, ``NONE`` for roots.
        parent_units: the unit of each body's parent.
        degrees: numbers of the group's degrees of freedom.
    """

    bodies: tuple[int, ...]
    joints: tuple[int, ...]
    type: str
    parent: int
    parent_units: tuple[int, ...]
    degrees: tuple[int, ...]


class Tree(NamedTuple):
    """All groups, parents before children.

    Attributes:
        groups: of bodies.
        group_of, unit_of: where each body is.
        root_of: the body at the root of each body's tree.
    """

    groups: tuple[Group, ...]
    group_of: tuple[int, ...]
    unit_of: tuple[int, ...]
    root_of: tuple[int, ...]

    @property
    def degrees(self) -> int:
        """The number of degrees of freedom of all groups."""
        return sum(len(group.degrees) for group in self.groups)

    @property
    def order(self) -> tuple[int, ...]:
        """All bodies, group by group."""
        return tuple(body for group in self.groups for body in group.bodies)

    def group_of_degree(self, degree: int) -> int:
        """The group that a degree of freedom belongs to."""
        return next(g for g, group in enumerate(self.groups) if degree in group.degrees)


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
    groups: list[Group] = []
    group_of, unit_of, root_of = [NONE] * bodies, [NONE] * bodies, [NONE] * bodies
    degrees = 0
    waiting = list(range(bodies))
    while waiting:
        members: dict[tuple[int, str, bool], list[int]] = {}
        for body in waiting:
            joint = carrier.get(body)
            if joint is None:
                members.setdefault((NONE, FREE, True), []).append(body)
            elif parent[joint] == WORLD:
                members.setdefault((NONE, types[joint], False), []).append(body)
            elif group_of[parent[joint]] != NONE:
                members.setdefault((group_of[parent[joint]], types[joint], False), []).append(body)
        if not members:
            raise ValueError("the eliminated joints form a ring")
        for (above, kind, is_free), found in members.items():
            if above != NONE:  # children in the order of their parents, so that units line up
                found.sort(key=lambda body: unit_of[parent[carrier[body]]])
            carried_by = () if is_free else tuple(carrier[body] for body in found)
            count = 6 if is_free else freedoms[carried_by[0]]
            for unit, body in enumerate(found):
                group_of[body], unit_of[body] = len(groups), unit
                root_of[body] = body if above == NONE else root_of[parent[carrier[body]]]
            groups.append(
                Group(
                    bodies=tuple(found),
                    joints=carried_by,
                    type=kind,
                    parent=above,
                    parent_units=()
                    if above == NONE
                    else tuple(unit_of[parent[joint]] for joint in carried_by),
                    degrees=tuple(range(degrees, degrees + count)),
                )
            )
            degrees += count
        waiting = [body for body in waiting if group_of[body] == NONE]
    return Tree(tuple(groups), tuple(group_of), tuple(unit_of), tuple(root_of))


class Alike(NamedTuple):
    """All joints of one type that carry bodies, group after group.

    Attributes:
        type: of the joints.
        groups: their numbers, parents before children.
        joints: indices, of all groups together.
        places: for each group, where its joints stand among them.
    """

    type: str
    groups: tuple[int, ...]
    joints: tuple[int, ...]
    places: tuple[tuple[int, ...], ...]


@cache
def joints_by_type(tree: Tree) -> tuple[Alike, ...]:
    """The joints of all groups, by type; free roots have none."""
    found = []
    for kind in dict.fromkeys(group.type for group in tree.groups if group.type != FREE):
        numbers = tuple(n for n, group in enumerate(tree.groups) if group.type == kind)
        joints: tuple[int, ...] = ()
        places: list[tuple[int, ...]] = []
        for number in numbers:
            own = tree.groups[number].joints
            places.append(tuple(range(len(joints), len(joints) + len(own))))
            joints += own
        found.append(Alike(kind, numbers, joints, tuple(places)))
    return tuple(found)


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
def ancestry(
    tree: Tree, group: int, units: tuple[int, ...]
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """A group and all groups above it, each with the unit that belongs to each of ``units``."""
    found = []
    while True:
        found.append((group, units))
        here = tree.groups[group]
        if here.parent == NONE:
            return tuple(found)
        group, units = here.parent, tuple(here.parent_units[unit] for unit in units)


def slots(tree: Tree, group: int, units: tuple[int, ...]) -> tuple[Slot, ...]:
    """The degrees of freedom that move these units, the outermost first."""
    return tuple(
        Slot(degree, above)
        for number, above in ancestry(tree, group, units)
        for degree in reversed(tree.groups[number].degrees)
    )
