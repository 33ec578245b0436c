"""Sums of products over small axes: matrices and vectors whose entries are arrays.

``contract("ik,kj->ij", a, b)`` is the product of matrices of shapes (i, k, ...) and (k, j, ...);
letters name the leading axes, and whatever follows them (units, robots) goes along elementwise. A
library's product of many small matrices takes one matrix after the other, and XLA's sum over an
axis on a CPU one number after the other: many times slower than what this is lowered to, a sum of
products of slices, in which the innermost loop is that over the robots.

The derivative by one operand is a contraction of the other one with the cotangent.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

FEW = 8
"""Numbers behind the named axes up to which a sum is written out."""

MOST_TERMS = 9
"""Terms of a sum up to which it is written out."""


class Letters(NamedTuple):
    """Names of the leading axes of both operands and of the result."""

    left: str
    right: str
    out: str


def contract(letters: str, a: jax.Array, b: jax.Array) -> jax.Array:
    """Σ a b over the letters that the result does not have.

    Args:
        letters: as in ``"ik,kj->ij"``: each letter of an operand is in the other one or in the
            result, and at most one is not in the result.
        a, b: the axes behind the named ones have the same sizes in both, or 1 in one of them.
    """
    operands, out = letters.split("->")
    left, right = operands.split(",")
    result: jax.Array = _contract_p.bind(a, b, letters=Letters(left, right, out))
    return result


def _sizes(letters: Letters, a: Any, b: Any) -> dict[str, int]:
    return dict(zip(letters.left, a.shape, strict=False)) | dict(
        zip(letters.right, b.shape, strict=False)
    )


def _shape(letters: Letters, a: Any, b: Any) -> tuple[int, ...]:
    sizes = _sizes(letters, a, b)
    behind = jnp.broadcast_shapes(a.shape[len(letters.left) :], b.shape[len(letters.right) :])
    return (*(sizes[letter] for letter in letters.out), *behind)


def _fused(a: jax.Array, b: jax.Array, *, letters: Letters) -> jax.Array:
    """Lowering to one product and one sum, which GPUs fuse."""
    summed = _summed(letters)
    every = letters.out + summed
    whole = _spread(a, letters.left, every) * _spread(b, letters.right, every)
    return jnp.sum(whole, axis=tuple(range(len(letters.out), len(every))))


def _one_by_one(a: jax.Array, b: jax.Array, *, letters: Letters) -> jax.Array:
    """Lowering to a sum over slices: a loop, or written out where few numbers go along.

    XLA may compute a factor of a written-out product anew for every entry that reads it, which in a
    chain of products of matrices multiplies. It never does so across a loop; but that of a single
    robot takes longer to go round than what it computes.
    """
    summed = _summed(letters)
    if not summed:
        return _fused(a, b, letters=letters)
    letter = summed[0]
    count = _sizes(letters, a, b)[letter]
    shape = _shape(letters, a, b)
    axis_a, axis_b = letters.left.index(letter), letters.right.index(letter)
    rest_a, rest_b = letters.left.replace(letter, ""), letters.right.replace(letter, "")

    def term(k: Any) -> jax.Array:
        x = jax.lax.dynamic_index_in_dim(a, k, axis_a, keepdims=False)
        y = jax.lax.dynamic_index_in_dim(b, k, axis_b, keepdims=False)
        return _spread(x, rest_a, letters.out) * _spread(y, rest_b, letters.out)

    total: jax.Array
    if count > MOST_TERMS or (count > 1 and math.prod(shape[len(letters.out) :]) > FEW):
        zero = jnp.zeros(shape, a.dtype)
        total = jax.lax.fori_loop(0, count, lambda k, total: total + term(k), zero)
    else:
        terms = [term(k) for k in range(count)] or [jnp.zeros(shape, a.dtype)]
        total = jnp.broadcast_to(sum(terms[1:], terms[0]), shape)
    return total


def _summed(letters: Letters) -> str:
    every = dict.fromkeys(letters.left + letters.right)
    return "".join(letter for letter in every if letter not in letters.out)


def _spread(values: jax.Array, own: str, out: str) -> jax.Array:
    """An operand with the axes of ``out``, of size 1 where it has none."""
    order = sorted(range(len(own)), key=lambda axis: out.index(own[axis]))
    if order != list(range(len(own))):
        values = values.transpose(*order, *range(len(own), values.ndim))
    sizes = iter(values.shape)
    shape = [next(sizes) if letter in own else 1 for letter in out]
    return values.reshape(*shape, *sizes)


def _fold(values: jax.Array, leading: int, like: Any) -> jax.Array:
    """The sum over axes that an operand has been spread along."""
    axes = [
        axis
        for axis in range(leading, values.ndim)
        if like.shape[axis] == 1 and values.shape[axis] != 1
    ]
    return jnp.sum(values, axis=axes, keepdims=True) if axes else values


def _left_cotangent(cotangent: Any, a: Any, b: Any, *, letters: Letters) -> jax.Array:
    back = Letters(letters.out, letters.right, letters.left)
    whole = _contract_p.bind(cotangent, b, letters=back)
    return _fold(whole, len(letters.left), a.aval)


def _right_cotangent(cotangent: Any, a: Any, b: Any, *, letters: Letters) -> jax.Array:
    back = Letters(letters.left, letters.out, letters.right)
    whole = _contract_p.bind(a, cotangent, letters=back)
    return _fold(whole, len(letters.right), b.aval)


def _batch(arguments: Any, axes: Any, *, letters: Letters) -> tuple[jax.Array, int]:
    a, b = (
        values[..., None] if axis is None else jnp.moveaxis(values, axis, -1)
        for values, axis in zip(arguments, axes, strict=True)
    )
    result = _contract_p.bind(a, b, letters=letters)
    return result, result.ndim - 1


_contract_p = Primitive("contract")
_contract_p.def_impl(jax.jit(_one_by_one, static_argnames="letters"))
_contract_p.def_abstract_eval(
    lambda a, b, *, letters: a.update(
        shape=_shape(letters, a, b), weak_type=a.weak_type and b.weak_type
    )
)
ad.defbilinear(_contract_p, _left_cotangent, _right_cotangent)
batching.primitive_batchers[_contract_p] = _batch
mlir.register_lowering(_contract_p, mlir.lower_fun(_fused, multiple_results=False))
mlir.register_lowering(
    _contract_p, mlir.lower_fun(_one_by_one, multiple_results=False), platform="cpu"
)
