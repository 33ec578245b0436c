"""All floating-point numbers of a tree in one vector.

A loop that keeps one array of every step, instead of dozens, is compiled into a better program:
XLA's CPU backend fuses the stores of many arrays into one operation, which inside a kernel of a
whole loop copies all that has been kept so far (``docs/engine.md``).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Packed(NamedTuple):
    """A tree with its floating-point numbers in one vector.

    Attributes:
        numbers: of all leaves of the default floating-point type, shape (numbers, ...).
        others: the leaves of other types, as counters and keys.
    """

    numbers: jax.Array
    others: tuple[Any, ...]


class Packing:
    """Packing of trees of one structure, and its inverse."""

    def __init__(self, tree: Any, behind: int = 0) -> None:
        """Prepare for trees like this one; only shapes and types are looked at.

        Args:
            tree: of arrays.
            behind: so many last axes, which all leaves have in common, stay as they are.
        """
        leaves, self._structure = jax.tree.flatten(tree)
        self._behind = behind
        self._shapes = [leaf.shape for leaf in leaves]
        self._is_number = [leaf.dtype == jnp.result_type(float) for leaf in leaves]

    def pack(self, tree: Any) -> Packed:
        """Pack a tree of this structure: all its numbers in one vector."""
        leaves = list(zip(jax.tree.leaves(tree), self._is_number, strict=True))
        numbers = [
            leaf.reshape(-1, *leaf.shape[leaf.ndim - self._behind :])
            for leaf, is_number in leaves
            if is_number
        ]
        return Packed(
            jnp.concatenate(numbers) if numbers else jnp.zeros(0),
            tuple(leaf for leaf, is_number in leaves if not is_number),
        )

    def unpack(self, packed: Packed) -> Any:
        """Unpack a tree that ``pack`` has packed."""
        shapes = list(zip(self._shapes, self._is_number, strict=True))
        # One split, not many slices: its derivative is one concatenation.
        sizes = [
            math.prod(shape[: len(shape) - self._behind])
            for shape, is_number in shapes
            if is_number
        ]
        numbers = iter(jax.lax.split(packed.numbers, sizes) if sizes else ())
        others = iter(packed.others)
        leaves = [
            next(numbers).reshape(shape) if is_number else next(others)
            for shape, is_number in shapes
        ]
        return jax.tree.unflatten(self._structure, leaves)
