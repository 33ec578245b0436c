"""Blocks that act on the same branch of a tree, solved together.

The motors of a leg and the contact of its foot work against each other, and slowly converge if
every one of them is visited by itself. A cluster holds the blocks of one branch (of many like
branches at once: all legs of a robot). Its own effective mass K, a small matrix, is known; so
several rounds over its blocks need nothing but K, before what they have found is passed on to z:

    w ← w + K Δλ   after each block,      z ← z + Σ y Δλ   at the end
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import jax

from diffsim.engine.indexing import Reader
from diffsim.engine.pytrees import pytree, static
from diffsim.engine.solver.blocks import Block, Impulse
from diffsim.engine.solver.rows import Z, push_together

LARGEST = 9
"""Most directions in a cluster of several blocks; K has the square of it."""


@pytree
class Cluster:
    """Blocks with a K of their own.

    Attributes:
        members: numbers of the blocks.
        places: block (as a place in ``members``) and direction of each row of K.
        coupled: which entries of the lower triangle of K are there, as pairs of rows.
        entries: these entries, each of shape (rows of a block,).
    """

    members: tuple[int, ...] = static()
    places: tuple[tuple[int, int], ...] = static()
    coupled: tuple[tuple[int, int], ...] = static()
    entries: tuple[jax.Array, ...]

    def visit(
        self, blocks: Sequence[Block], z: Z, impulses: Sequence[Impulse], rounds: int
    ) -> tuple[Z, list[Impulse]]:
        """Some rounds over the member blocks; z and the members' new impulses."""
        own = [blocks[member] for member in self.members]
        held = [impulses[member] for member in self.members]
        start = [block.total(impulse) for block, impulse in zip(own, held, strict=True)]
        reader = Reader(z)
        w = [list(block.rows.velocities(reader)) for block in own]
        k = dict(zip(self.coupled, self.entries, strict=True))
        rounds = rounds if len(own) > 1 else 1
        for turn in range(rounds):
            for number, block in enumerate(own):
                new = block.respond(w[number], held[number])
                before, after = block.total(held[number]), block.total(new)
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
            [b - a for a, b in zip(first, block.total(impulse), strict=True)]
            for block, first, impulse in zip(own, start, held, strict=True)
        ]
        return push_together(z, [block.rows for block in own], changes), held


def cluster(blocks: Sequence[Block], branches: Sequence[Hashable]) -> tuple[Cluster, ...]:
    """Clusters of the blocks, in the order of the blocks they begin with.

    Args:
        blocks: of the problem.
        branches: for each block, the branches that its rows belong to, row by row.
    """
    groups: dict[Hashable, list[list[int]]] = {}
    for number, (block, key) in enumerate(zip(blocks, branches, strict=True)):
        found = groups.setdefault(key, [[]])
        directions = sum(len(blocks[member].rows.y) for member in found[-1])
        if found[-1] and directions + len(block.rows.y) > LARGEST:
            found.append([])
        found[-1].append(number)
    return tuple(_cluster(blocks, members) for chunks in groups.values() for members in chunks)


def _cluster(blocks: Sequence[Block], members: list[int]) -> Cluster:
    places = [(a, i) for a, member in enumerate(members) for i in range(len(blocks[member].rows.y))]
    k: dict[tuple[int, int], Any] = {}
    for row, (a, i) in enumerate(places):
        for column, (b, j) in enumerate(places[: row + 1]):
            rows, others = blocks[members[a]].rows, blocks[members[b]].rows
            entry = rows.coupling(i, others, j)
            if not isinstance(entry, float):
                k[row, column] = entry
    return Cluster(tuple(members), tuple(places), tuple(k), tuple(k.values()))
