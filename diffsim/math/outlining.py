"""Calls of functions that the compiler does not look into.

XLA's CPU backend fuses a chain of operations into each operation that reads its end. If many do,
or one that reads it at several places (a stack, a product of matrices), the chain is computed again
for each of them, and a chain of such chains multiplies. What goes into a call and what comes out of
it is computed once. ``jax.lax.optimization_barrier`` is gone before that backend fuses anything,
and a loop, which it does not look into either, has its start copied.

A call is worth its own few kernels only where many robots go along: in the kernel of a single robot
it would be in the way, and on a GPU it is nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax.extend.mlir import ir
from jax.interpreters import mlir

FEW = 8
"""Numbers behind the named axes, those of the robots for example, up to which there is no call."""


def outlined(
    function: Callable[..., Any], parameters: tuple[str, ...] = (), multiple_results: bool = False
) -> Callable[..., Any]:
    """Lowering rule of a primitive: the call of a function, which stays one.

    Args:
        function: of arrays, and of the primitive's parameters by name.
        parameters: their names.
        multiple_results: whether it returns several arrays.
    """
    jitted = jax.jit(function, static_argnames=parameters)
    call = mlir.lower_fun(jitted, multiple_results=multiple_results)

    def lower(ctx: mlir.LoweringRuleContext, *values: Any, **known: Any) -> Any:
        results = call(ctx, *values, **known)
        stays = ir.DictAttr.get({"inlineable": ir.Attribute.parse('"false"')})
        results[0].owner.attributes["mhlo.frontend_attributes"] = stays
        return results

    return lower
