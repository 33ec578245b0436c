"""Of several sets of numbers, one for each ray: a lookup whose transpose is one matrix product.

Differentiating a chain of selections in the usual way would sum over all rays once for every number
of every set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


def select(sets: Sequence[Any], choice: jax.Array) -> Any:
    """The chosen set of each ray.

    Args:
        sets: pytrees of one structure, of floating-point numbers, shape ().
        choice: which one, integers (rays,).

    Returns:
        The same pytree of arrays (rays,).
    """
    leaves = [jax.tree.leaves(one) for one in sets]
    numbers = [number for numbers in zip(*leaves, strict=True) for number in numbers]
    found = _select_p.bind(choice, *numbers, count=len(sets))
    return jax.tree.unflatten(jax.tree.structure(sets[0]), found)


def select_each(values: Sequence[Any], choice: jax.Array) -> jax.Array:
    """Of several numbers that of each ray, by comparisons, which are easily fused."""
    chosen = jnp.broadcast_to(values[0], choice.shape)
    for k in range(1, len(values)):
        chosen = jnp.where(choice == k, values[k], chosen)
    return chosen


_select_p = Primitive("select_set")
_select_p.multiple_results = True


def _implementation(choice: jax.Array, *numbers: jax.Array, count: int) -> list[jax.Array]:
    return [
        select_each([n[..., None] for n in numbers[k : k + count]], choice)
        for k in range(0, len(numbers), count)
    ]


def _differentiate(arguments: Any, tangents: Any, *, count: int) -> tuple[Any, Any]:
    ways = (ad.instantiate_zeros(way) for way in tangents[1:])
    return (
        _select_p.bind(*arguments, count=count),
        _select_p.bind(arguments[0], *ways, count=count),
    )


def _transpose(cotangents: Any, choice: Any, *_: Any, count: int) -> list[Any]:
    table = jnp.stack([ad.instantiate_zeros(c) for c in cotangents], axis=-2)
    chosen = (choice[..., None, :] == jnp.arange(count)[:, None]).astype(table.dtype)
    # Not made part of the product, which XLA would then spell out number by number.
    table, chosen = jax.lax.optimization_barrier((table, chosen))
    # Sums over rays: in full precision on every device.
    sums = jnp.matmul(table, jnp.swapaxes(chosen, -1, -2), precision=jax.lax.Precision.HIGHEST)
    return [None, *(sums[..., k, j] for k in range(len(cotangents)) for j in range(count))]


def _batch(arguments: Any, axes: Any, *, count: int) -> tuple[Any, Any]:
    size = next(a.shape[k] for a, k in zip(arguments, axes, strict=True) if k is not None)
    moved = [
        jnp.broadcast_to(a, (size, *a.shape)) if k is None else jnp.moveaxis(a, k, 0)
        for a, k in zip(arguments, axes, strict=True)
    ]
    found = _select_p.bind(*moved, count=count)
    return found, [0] * len(found)


_select_p.def_impl(jax.jit(_implementation, static_argnames="count"))
_select_p.def_abstract_eval(
    lambda choice, *numbers, count: [n.update(shape=choice.shape) for n in numbers[::count]]
)
ad.primitive_jvps[_select_p] = _differentiate
ad.primitive_transposes[_select_p] = _transpose
batching.primitive_batchers[_select_p] = _batch
mlir.register_lowering(_select_p, mlir.lower_fun(_implementation, multiple_results=True))
