"""Reading bodies by index and adding to them, without scatter operations.

``gather`` takes the values of bodies at a static list of indices, ``scatter_add`` adds values onto
bodies. Both are the same linear map, y_i = Σ_j x[selection_i,j], with lists of indices known at
trace time, and each is the other's transpose: so neither they nor their derivatives need XLA's
scatter. That matters on the CPU, where two scatters that share operands crash the compiler under
multi-output fusion (openxla/xla issue 47367), which the engine's speed rests on.

Indices go along the *first* axes. The last one belongs to simulations that run side by side: all of
the engine works on arrays (bodies,) as on arrays (bodies, robots), whose innermost loops are long
and contiguous.

The index ``WORLD`` stands for the immovable world: reading it gives zero, adding to it is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from diffsim.math.contraction import contract

WORLD = -1
"""Index of the immovable world where the index of a body is expected."""

MOST_SLICES = 4
"""Into which a list of indices may be cut, rather than read one by one."""

MANY = 4096
"""Numbers from which on a sum along an axis goes slice by slice."""

Selection = tuple[tuple[int, ...], ...]
"""For each output, the indices of the inputs that are summed."""


def gather(values: jax.Array, index: Sequence[int], axis: int = 0) -> jax.Array:
    """``values[index]`` along an axis, with zero where the index is ``WORLD``."""
    first, count = (index[0], len(index)) if index else (0, 0)
    if count and first != WORLD:
        size = values.shape[axis]
        if tuple(index) == tuple(range(first, first + count)):  # a slice
            if count == size:
                return values
            return jax.lax.slice_in_dim(values, first, first + count, axis=axis)
        if set(index) == {first}:  # the same one for all
            return _repeat(values, first, count, axis)
    return _select_sum(values, tuple(() if i == WORLD else (i,) for i in index), axis)


def scatter_add(
    values: jax.Array, index: Sequence[int], update: jax.Array, axis: int = 0
) -> jax.Array:
    """``values`` with ``update[k]`` added at ``index[k]``; what goes to ``WORLD`` is lost."""
    if all(i == WORLD for i in index):
        return values
    return values + collect(update, index, values.shape[axis], axis)


def collect(update: jax.Array, index: Sequence[int], size: int, axis: int = 0) -> jax.Array:
    """``scatter_add`` onto so many zeros."""
    if tuple(index) == tuple(range(size)):
        return update
    if size == 1 and set(index) == {0}:
        return _sum_up(update, axis)
    return _select_sum(update, _transpose_selection(tuple(index), size), axis)


def join(parts: Sequence[jax.Array], axis: int = 0) -> jax.Array:
    """All parts along an axis, which they have in common; the part itself if there is one."""
    return parts[0] if len(parts) == 1 else jnp.concatenate(parts, axis=axis)


def unstack(values: jax.Array, axis: int = 0) -> list[jax.Array]:
    """The entries along an axis; their derivative is one concatenation."""
    if values.shape[axis] == 1:
        return [jax.lax.squeeze(values, (axis,))]
    parts = jax.lax.split(values, (1,) * values.shape[axis], axis=axis)
    return [jax.lax.squeeze(part, (axis,)) for part in parts]


def column(values: Any, like: jax.Array) -> jax.Array:
    """Constants by index, to go with an array that may have more axes."""
    constants = jnp.asarray(values)
    return constants.reshape(constants.shape + (1,) * (like.ndim - 1))


def _repeat(values: jax.Array, index: int, count: int, axis: int) -> jax.Array:
    """One entry along an axis, so many times; its derivative is a sum, as below."""
    one = jax.lax.slice_in_dim(values, index, index + 1, axis=axis)
    if count * one.size < MANY:
        return jnp.broadcast_to(one, (*one.shape[:axis], count, *one.shape[axis + 1 :]))
    before = _LETTERS[:axis]
    ones = _ones(count, one.ndim - axis - 1, one.dtype)
    return contract(f"{before},k->{before}k", jnp.squeeze(one, axis), ones)


def _sum_up(values: jax.Array, axis: int) -> jax.Array:
    """The sum along an axis, which stays.

    XLA's own sum along an axis in the middle of an array takes one number after the other on a CPU,
    and of large arrays a library's kernel that takes longer still.
    """
    if values.size < MANY:
        return jnp.sum(values, axis=axis, keepdims=True)
    before = _LETTERS[:axis]
    ones = _ones(values.shape[axis], values.ndim - axis - 1, values.dtype)
    return jnp.expand_dims(contract(f"{before}k,k->{before}", values, ones), axis)


def _ones(count: int, behind: int, dtype: Any) -> jax.Array:
    return jnp.ones((count, *(1,) * behind), dtype)


_LETTERS = "abcdefgh"


@cache
def _transpose_selection(index: tuple[int, ...], size: int) -> Selection:
    """Places in ``index`` of each of ``size`` bodies."""
    rows: list[list[int]] = [[] for _ in range(size)]
    for position, body in enumerate(index):
        if body != WORLD:
            rows[body].append(position)
    return tuple(tuple(row) for row in rows)


_select_sum_p = Primitive("select_sum")


def _select_sum(values: jax.Array, selection: Selection, axis: int = 0) -> jax.Array:
    result: jax.Array = _select_sum_p.bind(values, selection=selection, axis=axis)
    return result


def _implementation(values: jax.Array, *, selection: Selection, axis: int) -> jax.Array:
    runs = [tuple(run) for _, run in groupby(selection, len)]
    if len(runs) > MOST_SLICES:  # as if all had as many, by reading zeros
        width = max(len(row) for row in selection)
        size = values.shape[axis]
        zero = jnp.zeros_like(jax.lax.slice_in_dim(values, 0, 1, axis=axis))
        values = jnp.concatenate([values, zero], axis=axis)
        runs = [tuple(row + (size,) * (width - len(row)) for row in selection)]
    parts = [_sums(values, run, axis) for run in runs]
    return join(parts, axis) if parts else jnp.zeros(_shape(values, (), axis), values.dtype)


def _sums(values: jax.Array, selection: Selection, axis: int) -> jax.Array:
    """Sum up equally many entries for each output."""
    if not selection[0]:
        return jnp.zeros(_shape(values, selection, axis), values.dtype)
    first, *others = (_read(values, line, axis) for line in np.asarray(selection).T)
    return sum(others, first)


def _read(values: jax.Array, index: np.ndarray, axis: int) -> jax.Array:
    """``values[index]`` along an axis, by slices where they are few: these are easily fused."""
    runs = list(_runs(index.tolist()))
    if len(runs) > MOST_SLICES:
        return jnp.take(values, index, axis=axis, mode="clip")
    parts = []
    for start, stop, count in runs:
        part = jax.lax.slice_in_dim(values, start, stop, axis=axis)
        if count > stop - start:
            shape = (*values.shape[:axis], count, *values.shape[axis + 1 :])
            part = jnp.broadcast_to(part, shape)
        parts.append(part)
    return join(parts, axis)


def _runs(index: list[int]) -> Iterator[tuple[int, int, int]]:
    """Runs of an index that goes up by one, or stays: the first, one past the last, how many."""
    place = 0
    while place < len(index):
        end = place + 1
        step = index[end] - index[place] if end < len(index) else 1
        step = step if step in (0, 1) else 1
        while end < len(index) and index[end] - index[end - 1] == step:
            end += 1
        yield index[place], index[end - 1] + 1, end - place
        place = end


def _shape(values: Any, selection: Selection, axis: int) -> tuple[int, ...]:
    return (*values.shape[:axis], len(selection), *values.shape[axis + 1 :])


def _transpose(cotangent: Any, values: Any, *, selection: Selection, axis: int) -> list[Any]:
    rows: list[list[int]] = [[] for _ in range(values.aval.shape[axis])]
    for output, row in enumerate(selection):
        for source in row:
            rows[source].append(output)
    return [_select_sum(cotangent, tuple(tuple(row) for row in rows), axis)]


def _batch(arguments: Any, axes: Any, *, selection: Selection, axis: int) -> tuple[jax.Array, int]:
    (values,), (batch,) = arguments, axes
    return _select_sum(values, selection, axis + (batch <= axis)), batch


_select_sum_p.def_impl(jax.jit(_implementation, static_argnames=("selection", "axis")))
_select_sum_p.def_abstract_eval(
    lambda values, *, selection, axis: values.update(shape=_shape(values, selection, axis))
)
ad.deflinear2(_select_sum_p, _transpose)
batching.primitive_batchers[_select_sum_p] = _batch
mlir.register_lowering(_select_sum_p, mlir.lower_fun(_implementation, multiple_results=False))
