"""Constraints that act on the same branch of a tree, solved together.

The motors of a leg and the contact of its foot work against each other, and slowly converge if
every one of them is updated by itself. A cluster holds the constraints of one branch (of many like
branches at once: all legs of a robot). Its own effective mass K, a small matrix, is known; so
several rounds over them need nothing but K, before what they have found is passed on to z:

    w ← w + K Δλ   after each one,      z ← z + Σ y Δλ   at the end
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import jax
import jax.numpy as jnp

from diffsim.constraints.constraint import Constraint, Impulse
from diffsim.constraints.rows import Rows, together
from diffsim.dynamics.elimination import Z
from diffsim.math.indexing import unstack
from diffsim.math.pytrees import pytree, static

LARGEST = 9
"""Most directions in a cluster of several constraints; K has the square of it."""


@pytree
class Cluster:
    """Constraints with a K of their own.

    Attributes:
        members: numbers of the constraints.
        sizes: how many directions each of them has.
        rows: all their directions, one constraint after another.
        columns: of K, one for each direction, each of shape (directions, rows).
    """

    members: tuple[int, ...] = static()
    sizes: tuple[int, ...] = static()
    rows: Rows
    columns: tuple[jax.Array, ...]

    def update(
        self, constraints: Sequence[Constraint], z: Z, impulses: Sequence[Impulse], rounds: int
    ) -> tuple[Z, list[Impulse]]:
        """Some rounds over the members; z and the members' new impulses."""
        own = [constraints[member] for member in self.members]
        held = [impulses[member] for member in self.members]
        start = self.totals(constraints, held)
        w = self.rows.velocities(z)
        rounds = rounds if len(own) > 1 else 1
        for turn in range(rounds):
            first = 0
            for number, constraint in enumerate(own):
                size = self.sizes[number]
                new = constraint.respond(unstack(w[first : first + size]), held[number])
                before, after = constraint.total(held[number]), constraint.total(new)
                held[number] = new
                if turn == rounds - 1 and number == len(own) - 1:
                    break  # nobody reads the velocities any more
                for k, (old, now) in enumerate(zip(before, after, strict=True), first):
                    w = w + self.columns[k] * (now - old)
                first += size
        return self.rows.push(z, self.totals(constraints, held) - start), held

    def totals(self, constraints: Sequence[Constraint], held: Sequence[Impulse]) -> jax.Array:
        """Impulses in all directions, shape (directions, rows), from those of the members."""
        own = zip(self.members, held, strict=True)
        return jnp.stack([part for k, impulse in own for part in constraints[k].total(impulse)])

    def velocities(self, z: Z) -> dict[int, list[jax.Array]]:
        """Velocities of all directions, by the members' numbers."""
        found = unstack(self.rows.velocities(z))
        result = {}
        for member, size in zip(self.members, self.sizes, strict=True):
            result[member], found = found[:size], found[size:]
        return result


def cluster(constraints: Sequence[Constraint], branches: Sequence[Hashable]) -> tuple[Cluster, ...]:
    """Clusters of the constraints, in the order of those they begin with.

    Args:
        constraints: of the problem.
        branches: for each of them, the branches that its rows belong to, row by row.
    """
    groups: dict[Hashable, list[list[int]]] = {}
    for number, (constraint, key) in enumerate(zip(constraints, branches, strict=True)):
        found = groups.setdefault(key, [[]])
        directions = sum(constraints[member].rows.directions for member in found[-1])
        if found[-1] and directions + constraint.rows.directions > LARGEST:
            found.append([])
        found[-1].append(number)
    return tuple(_cluster(constraints, members) for chunks in groups.values() for members in chunks)


def _cluster(constraints: Sequence[Constraint], members: list[int]) -> Cluster:
    several = [constraints[member].rows for member in members]
    rows = together(several)
    columns = unstack(rows.delassus()) if len(members) > 1 else []
    return Cluster(tuple(members), tuple(each.directions for each in several), rows, tuple(columns))
