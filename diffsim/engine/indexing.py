"""Reading bodies by index and adding to them, without scatter operations.

``gather`` takes the values of bodies at a static list of indices, ``scatter_add`` adds values onto
bodies. Both are the same linear map, y_i = Σ_j x[selection_i,j], with lists of indices known at
trace time, and each is the other's transpose: so neither they nor their derivatives need XLA's
scatter. That matters on the CPU, where two scatters that share operands crash the compiler under
multi-output fusion (openxla/xla issue 47367), which the engine's speed rests on.

The index ``WORLD`` stands for the immovable world: reading it gives zero, adding to it is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

WORLD = -1
"""Index of the immovable world where the index of a body is expected."""

Selection = tuple[tuple[int, ...], ...]
"""For each output, the indices of the inputs that are summed."""


def gather(values: jax.Array, index: Sequence[int]) -> jax.Array:
    """``values[..., index]``, with zero where the index is ``WORLD``."""
    first, count = (index[0], len(index)) if index else (0, 0)
    if count and first != WORLD:
        if tuple(index) == tuple(range(first, first + count)):  # a slice
            return values if count == values.shape[-1] else values[..., first : first + count]
        if set(index) == {first}:  # the same one for all
            return jnp.broadcast_to(values[..., first : first + 1], (*values.shape[:-1], count))
    return _select_sum(values, tuple(() if i == WORLD else (i,) for i in index))


def scatter_add(values: jax.Array, index: Sequence[int], update: jax.Array) -> jax.Array:
    """``values`` with ``update[..., k]`` added at ``index[k]``; what goes to ``WORLD`` is lost."""
    if tuple(index) == tuple(range(values.shape[-1])):
        return values + update
    if all(i == WORLD for i in index):
        return values
    if values.shape[-1] == 1 and set(index) == {0}:
        return values + jnp.sum(update, axis=-1, keepdims=True)
    return values + _select_sum(update, _transpose_selection(tuple(index), values.shape[-1]))


@cache
def _transpose_selection(index: tuple[int, ...], size: int) -> Selection:
    """For each of ``size`` bodies, where in ``index`` it stands."""
    rows: list[list[int]] = [[] for _ in range(size)]
    for position, body in enumerate(index):
        if body != WORLD:
            rows[body].append(position)
    return tuple(tuple(row) for row in rows)


_select_sum_p = Primitive("select_sum")


def _select_sum(values: jax.Array, selection: Selection) -> jax.Array:
    result: jax.Array = _select_sum_p.bind(values, selection=selection)
    return result


def _implementation(values: jax.Array, *, selection: Selection) -> jax.Array:
    width = max((len(row) for row in selection), default=0)
    if width == 0:
        return jnp.zeros((*values.shape[:-1], len(selection)), values.dtype)
    padding = values.shape[-1]
    table = np.full((width, len(selection)), padding)
    for output, row in enumerate(selection):
        table[: len(row), output] = row
    if (table == padding).any():
        values = jnp.concatenate([values, jnp.zeros_like(values[..., :1])], axis=-1)
    return sum((values[..., line] for line in table[1:]), start=values[..., table[0]])


def _transpose(cotangent: Any, values: Any, *, selection: Selection) -> list[Any]:
    rows: list[list[int]] = [[] for _ in range(values.aval.shape[-1])]
    for output, row in enumerate(selection):
        for source in row:
            rows[source].append(output)
    return [_select_sum(cotangent, tuple(tuple(row) for row in rows))]


def _batch(arguments: Any, axes: Any, *, selection: Selection) -> tuple[jax.Array, int]:
    (values,), (axis,) = arguments, axes
    return _select_sum(jnp.moveaxis(values, axis, 0), selection), 0


_select_sum_p.def_impl(jax.jit(_implementation, static_argnames="selection"))
_select_sum_p.def_abstract_eval(
    lambda values, *, selection: values.update(shape=(*values.shape[:-1], len(selection)))
)
ad.deflinear2(_select_sum_p, _transpose)
batching.primitive_batchers[_select_sum_p] = _batch
mlir.register_lowering(_select_sum_p, mlir.lower_fun(_implementation, multiple_results=False))
