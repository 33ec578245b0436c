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

from diffsim.math.outlining import FEW, outlined

MOST_TERMS, MOST_TERMS_OF_MANY = 9, 30
"""Terms of a sum up to which it is written out, for few numbers behind the axes and for many."""


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
    """Sum over slices, written out or as a loop."""
    if not _summed(letters):
        return _fused(a, b, letters=letters)
    _, count = _terms(letters, a, b)
    if count <= MOST_TERMS:
        return _part(a, b, letters=letters, terms=range(count))
    zero = jnp.zeros(_shape(letters, a, b), a.dtype)
    return jax.lax.fori_loop(0, count, lambda k, total: total + _term(letters, a, b, k), zero)


def _term(letters: Letters, a: jax.Array, b: jax.Array, k: Any) -> jax.Array:
    letter, _ = _terms(letters, a, b)
    x, y = (
        _spread(
            jax.lax.dynamic_index_in_dim(values, k, own.index(letter), keepdims=False),
            own.replace(letter, ""),
            letters.out,
        )
        for values, own in ((a, letters.left), (b, letters.right))
    )
    return x * y


def _part(
    a: jax.Array, b: jax.Array, *before: jax.Array, letters: Letters, terms: range
) -> jax.Array:
    """Some of a sum's terms, written out, added to those before."""
    shape = _shape(letters, a, b)
    added = [*before, *(_term(letters, a, b, k) for k in terms)] or [jnp.zeros(shape, a.dtype)]
    return jnp.broadcast_to(sum(added[1:], added[0]), shape)


def _in_calls(a: jax.Array, b: jax.Array, *, letters: Letters) -> jax.Array:
    """Sum over slices in calls, each of which adds some terms to those before."""
    _, count = _terms(letters, a, b)
    sums: list[jax.Array] = []
    done = 0
    while done < count:
        last = count
        while last > done + 1 and _is_compute_bound(letters, a, b, last - done, len(sums)):
            last -= 1
        sums = [_part_p.bind(a, b, *sums, letters=letters, terms=range(done, last))]
        done = last
    return sums[0]


def _is_compute_bound(letters: Letters, a: Any, b: Any, terms: int, before: int) -> bool:
    """True if XLA may take a part of a sum for compute-bound: more than one flop per byte.

    It then divides the operation among threads, which fails inside a loop that is compiled as one
    kernel; it does not check whether a call is inside one (``parallel_task_assignment.cc`` of XLA's
    CPU backend).

    Args:
        terms, before: how many are added to how many arrays.
    """
    _, count = _terms(letters, a, b)
    result = math.prod(_shape(letters, a, b))
    # Factors that the robots share are too few to count.
    factors = sum(
        math.prod(values.shape) // count
        for own, values in ((letters.left, a), (letters.right, b))
        if math.prod(values.shape[len(own) :]) > 1
    )
    flops = (2 * terms - 1 + before) * result
    return flops > a.dtype.itemsize * ((1 + before) * result + terms * factors)


def _on_cpu(ctx: mlir.LoweringRuleContext, a: Any, b: Any, *, letters: Letters) -> Any:
    """Lowering to a sum over slices, for many robots in calls of its own.

    XLA would compute a factor of a written-out product anew for every entry that reads it, which in
    a chain of products of matrices multiplies.
    """
    known = ctx.avals_in
    apart = (
        _summed(letters)
        and 1 < _terms(letters, *known)[1] <= MOST_TERMS_OF_MANY
        and _many(letters, _shape(letters, *known))
    )
    return (_called if apart else _written_out)(ctx, a, b, letters=letters)


def _many(letters: Letters, shape: tuple[int, ...]) -> bool:
    """True if many numbers are behind the named axes of a result of this shape."""
    return math.prod(shape[len(letters.out) :]) > FEW


def _terms(letters: Letters, a: Any, b: Any) -> tuple[str, int]:
    """The letter that is summed over, and its size."""
    letter = _summed(letters)[0]
    return letter, _sizes(letters, a, b)[letter]


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
mlir.register_lowering(_contract_p, _on_cpu, platform="cpu")
_written_out = mlir.lower_fun(_one_by_one, multiple_results=False)
_called = mlir.lower_fun(_in_calls, multiple_results=False)

_part_p = Primitive("contract_part")  # of the lowering alone
_part_p.def_abstract_eval(
    lambda a, b, *before, letters, terms: a.update(shape=_shape(letters, a, b))
)
mlir.register_lowering(_part_p, outlined(_part, ("letters", "terms")))
