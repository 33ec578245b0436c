"""Robots side by side, along the last axis of every array.

This is the only module that adds, removes or moves that axis. The innermost loops go over robots,
which is fast on a CPU. A world that all share has an axis of length 1 there. Everything is written
for one robot, whose arrays have no such axis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from diffsim.world.world import State, World

T = TypeVar("T")


def side_by_side(world: World, each: Any, robots: int) -> tuple[World, Any]:
    """Give a world a robot axis of length 1, and copy ``each`` for so many robots.

    Args:
        world: shared by all.
        each: what every robot has of its own, at first alike: a state, a memory, any pytree.
        robots: how many.
    """
    return shared_by_all(world), copies(each, robots)


def shared_by_all(world: World) -> World:
    """The world of one robot, shared by several."""
    shared: World = jax.tree.map(lambda leaf: leaf[..., None] if leaf.ndim else leaf, world)
    return shared


def copies(tree: T, robots: int) -> T:
    """Copy what one robot has, so many times along the last axis."""
    many: T = jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf[..., None], (*leaf.shape, robots)), tree
    )
    return many


def alone(world: World) -> World:
    """The world of one robot, from the one that several share."""
    single: World = jax.tree.map(lambda leaf: leaf[..., 0] if leaf.ndim else leaf, world)
    return single


def robot_axes(state: State) -> int:
    """Number of trailing axes that count robots: 0 for one, 1 for several."""
    return state.time.ndim


def is_finite(state: State) -> jax.Array:
    """Return whether all of a robot's state is finite, shape ()."""
    axes = robot_axes(state)
    parts = [jnp.all(jnp.isfinite(x), axis=own_axes(x, axes)) for x in jax.tree.leaves(state)]
    return jnp.all(jnp.stack(parts), axis=0)


def own_axes(leaf: jax.Array, robot_axes: int) -> tuple[int, ...]:
    """The axes of an array that belong to each robot."""
    return tuple(range(leaf.ndim - robot_axes))


def for_each_robot(function: Callable[..., T]) -> Callable[..., T]:
    """A function of what one robot has, for several of them."""
    return jax.vmap(function, in_axes=-1, out_axes=-1)


def for_each_key(function: Callable[[jax.Array], T], key: jax.Array, count: int) -> T:
    """Call a function with one random key for each robot; robots along the last axis."""
    found: T = jax.vmap(function, out_axes=-1)(jax.random.split(key, count))
    return found


def robots_first(tree: T) -> T:
    """Arrays with the robots along the first axis, for a camera, say, or for ``jax.vmap``."""
    moved: T = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, -1, 0), tree)
    return moved


def robots_last(tree: T) -> T:
    """Arrays with the robots along the last axis, from those that have them first."""
    moved: T = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -1), tree)
    return moved
