"""Values that are computed once, whoever reads them.

A barrier ends a chain of operations for XLA's CPU backend: it is the call of a function that does
nothing (``diffsim.math.outlining``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import jax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from diffsim.math.outlining import FEW, outlined

T = TypeVar("T")


def barrier(values: T, few: bool = False) -> T:
    """Return the values as they are, computed once, if more than ``FEW`` robots go along.

    Args:
        values: a pytree of arrays (bodies, ...).
        few: with fewer robots, too.
    """
    leaves, structure = jax.tree.flatten(values)
    if not few and all(math.prod(leaf.shape[1:]) <= FEW for leaf in leaves):
        return values
    result: T = jax.tree.unflatten(structure, _barrier_p.bind(*leaves))
    return result


def _known(values: Sequence[Any]) -> list[Any]:
    """Put a barrier behind tangents or cotangents, of which some may be symbolic zeros."""
    known = [value for value in values if type(value) is not ad.Zero]
    behind = iter(_barrier_p.bind(*known) if known else ())
    return [value if type(value) is ad.Zero else next(behind) for value in values]


def _jvp(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    return _barrier_p.bind(*primals), _known(tangents)


_barrier_p = Primitive("barrier")
_barrier_p.multiple_results = True
_barrier_p.def_impl(lambda *values: list(values))
_barrier_p.def_abstract_eval(lambda *values: list(values))
ad.primitive_jvps[_barrier_p] = _jvp
ad.primitive_transposes[_barrier_p] = lambda cotangents, *values: _known(cotangents)
batching.primitive_batchers[_barrier_p] = lambda values, axes: (_barrier_p.bind(*values), axes)
mlir.register_lowering(_barrier_p, lambda ctx, *values: list(values))
_called = outlined(lambda *values: values, multiple_results=True)
mlir.register_lowering(_barrier_p, _called, platform="cpu")
