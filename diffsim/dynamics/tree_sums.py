"""Sums along the tree: of what is above every body, and of what every body carries.

They go limb by limb, along all bodies of a limb at once: so the graph grows with the number of
limbs on a path and not with that of the bodies. What is summed is stacked into one array if there
is a limb of several bodies; if not, every array is summed by itself, as a stack that is only read
by slices would be compiled into them, entry by entry. Before and behind the sums there is a
barrier, as everything that is summed meets in them; bodies without joints have nothing to sum up.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.dynamics.tree import NONE, Tree
from diffsim.math.barrier import barrier
from diffsim.math.contraction import contract
from diffsim.math.indexing import collect, column, gather, join, unstack

T = TypeVar("T")


def from_above(tree: Tree, values: T, sources: tuple[int, ...]) -> T:
    """Sum of the values of each body and of those above it.

    Args:
        tree: the structure.
        values: arrays (sources,).
        sources: the body that each value belongs to.
    """
    return _in_stacks(tree, values, partial(_from_above, tree, sources=sources))


def from_below(tree: Tree, values: T) -> T:
    """Sum over each body and all that it carries, of arrays (bodies,)."""
    return _in_stacks(tree, values, partial(_from_below, tree))


def of_whole_tree(tree: Tree, values: T) -> T:
    """Sum over all bodies of each body's tree, arrays (bodies,)."""
    total = from_below(tree, values)
    return jax.tree.map(lambda leaf: gather(leaf, tree.root_of), total)


def _in_stacks(tree: Tree, values: T, sums: Callable[[jax.Array], jax.Array]) -> T:
    """Sums of all arrays, from those of stacks of shape (arrays, bodies, ...)."""
    joined = any(limb.parent != NONE or len(limb.groups) > 1 for limb in tree.limbs)
    leaves, structure = jax.tree.flatten(barrier(values) if joined else values)
    if all(len(limb.groups) == 1 for limb in tree.limbs):
        found = [jax.lax.squeeze(sums(leaf[None]), (0,)) for leaf in leaves]
    else:
        shape = np.broadcast_shapes(*(leaf.shape for leaf in leaves))
        found = unstack(sums(jnp.stack([jnp.broadcast_to(leaf, shape) for leaf in leaves])))
    result: T = jax.tree.unflatten(structure, found)
    return barrier(result) if joined else result


def _from_above(tree: Tree, stack: jax.Array, sources: tuple[int, ...]) -> jax.Array:
    own = collect(stack, sources, len(tree.parent_of), axis=1)
    found: list[jax.Array] = []
    for number, limb in enumerate(tree.limbs):
        total = _of_limb(tree, number, own)
        if len(limb.groups) > 1:
            total = contract("gh,ch->cg", _carriers(total), total)
        if limb.parent != NONE:
            total = total + gather(found[limb.parent][:, -1:], limb.parent_units, axis=2)
        found.append(total)
    return _by_body(tree, found)


def _from_below(tree: Tree, stack: jax.Array) -> jax.Array:
    found: list[Any] = [_of_limb(tree, number, stack) for number in range(len(tree.limbs))]
    carried: dict[int, jax.Array] = {}
    for number in reversed(range(len(tree.limbs))):
        limb, total = tree.limbs[number], found[number]
        if len(limb.groups) > 1:
            total = contract("gh,cg->ch", _carriers(total), total)
        if number in carried:
            total = total + carried[number]
        if limb.parent != NONE:
            units = tree.limbs[limb.parent].units
            passed_on = collect(total[:, :1], limb.parent_units, units, axis=2)
            known = carried.get(limb.parent)
            carried[limb.parent] = passed_on if known is None else known + passed_on
        found[number] = total
    return _by_body(tree, found)


def _bodies(tree: Tree, limb: int) -> tuple[int, ...]:
    return tuple(body for group in tree.limbs[limb].groups for body in tree.groups[group].bodies)


def _of_limb(tree: Tree, limb: int, values: jax.Array) -> jax.Array:
    """The part of a limb, shape (arrays, groups, units, ...)."""
    part = gather(values, _bodies(tree, limb), axis=1)
    here = tree.limbs[limb]
    return part.reshape(part.shape[0], len(here.groups), here.units, *part.shape[2:])


def _carriers(like: jax.Array) -> jax.Array:
    """Matrix of ones where the first body of a limb is the second one or carried by it."""
    return column(np.tri(like.shape[1]), like[0, :1]).astype(like.dtype)


def _by_body(tree: Tree, found: list[jax.Array]) -> jax.Array:
    """A stack (arrays, bodies, ...) from those of the limbs."""
    flat = [part.reshape(part.shape[0], -1, *part.shape[3:]) for part in found]
    bodies = [body for limb in range(len(tree.limbs)) for body in _bodies(tree, limb)]
    return gather(
        join(flat, axis=1), tuple(bodies.index(body) for body in range(len(bodies))), axis=1
    )
