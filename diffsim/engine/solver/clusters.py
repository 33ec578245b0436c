"""Constraints that act on the same branch of a tree, solved together.

The motors of a leg and the contact of its foot work against each other, and slowly converge if
every one of them is visited by itself. A cluster holds the constraints of one branch (of many like
branches at once: all legs of a robot). Its own effective mass K, a small matrix, is known; so
several rounds over them need nothing but K, before what they have found is passed on to z:

    w ← w + K Δλ   after each one,      z ← z + Σ y Δλ   at the end
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import jax

from diffsim.engine.constraints.constraint import Constraint, Impulse
from diffsim.engine.constraints.rows import Z, push_together
from diffsim.engine.indexing import Reader
from diffsim.engine.pytrees import pytree, static

LARGEST = 9
"""Most directions in a cluster of several constraints; K has the square of it."""


@pytree
class Cluster:
    """Constraints with a K of their own.

    Attributes:
        members: numbers of the constraints.
        places: constraint (as a place in ``members``) and direction of each row of K.
        coupled: which entries of the lower triangle of K are there, as pairs of rows.
        entries: these entries, each of shape (rows of one,).
    """

    members: tuple[int, ...] = static()
    places: tuple[tuple[int, int], ...] = static()
    coupled: tuple[tuple[int, int], ...] = static()
    entries: tuple[jax.Array, ...]

    def visit(
        self, constraints: Sequence[Constraint], z: Z, impulses: Sequence[Impulse], rounds: int
    ) -> tuple[Z, list[Impulse]]:
        """Some rounds over the members; z and the members' new impulses."""
        own = [constraints[member] for member in self.members]
        held = [impulses[member] for member in self.members]
        start = [constraint.total(impulse) for constraint, impulse in zip(own, held, strict=True)]
        reader = Reader(z)
        w = [list(constraint.rows.velocities(reader)) for constraint in own]
        k = dict(zip(self.coupled, self.entries, strict=True))
        rounds = rounds if len(own) > 1 else 1
        for turn in range(rounds):
            for number, constraint in enumerate(own):
                new = constraint.respond(w[number], held[number])
                before, after = constraint.total(held[number]), constraint.total(new)
                held[number] = new
                if turn == rounds - 1 and number == len(own) - 1:
                    break  # nobody reads the velocities any more
                change = [b - a for a, b in zip(before, after, strict=True)]
                for row, (other, direction) in enumerate(self.places):
                    for column, (mine, its) in enumerate(self.places):
                        key = (max(row, column), min(row, column))
                        if mine == number and key in k:
                            w[other][direction] = w[other][direction] + k[key] * change[its]
        changes = [
            [b - a for a, b in zip(first, constraint.total(impulse), strict=True)]
            for constraint, first, impulse in zip(own, start, held, strict=True)
        ]
        return push_together(z, [constraint.rows for constraint in own], changes), held


def cluster(constraints: Sequence[Constraint], branches: Sequence[Hashable]) -> tuple[Cluster, ...]:
    """Clusters of the constraints, in the order of those they begin with.

    Args:
        constraints: of the problem.
        branches: for each of them, the branches that its rows belong to, row by row.
    """
    groups: dict[Hashable, list[list[int]]] = {}
    for number, (constraint, key) in enumerate(zip(constraints, branches, strict=True)):
        found = groups.setdefault(key, [[]])
        directions = sum(len(constraints[member].rows.y) for member in found[-1])
        if found[-1] and directions + len(constraint.rows.y) > LARGEST:
            found.append([])
        found[-1].append(number)
    return tuple(_cluster(constraints, members) for chunks in groups.values() for members in chunks)


def _cluster(constraints: Sequence[Constraint], members: list[int]) -> Cluster:
    sizes = [len(constraints[member].rows.y) for member in members]
    places = [(a, i) for a, size in enumerate(sizes) for i in range(size)]
    k: dict[tuple[int, int], Any] = {}
    for row, (a, i) in enumerate(places):
        for column, (b, j) in enumerate(places[: row + 1]):
            rows, others = constraints[members[a]].rows, constraints[members[b]].rows
            entry = rows.coupling(i, others, j)
            if not isinstance(entry, float):
                k[row, column] = entry
    return Cluster(tuple(members), tuple(places), tuple(k), tuple(k.values()))
