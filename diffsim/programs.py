"""Compiled functions whose programs stay the same when their numbers change.

``jax.jit`` writes the arrays that a function closes over into its program as constants: a robot
with another friction is then another program, and compiled anew. A ``Program`` takes them as
arguments. What it compiles depends on the shapes of all arrays and on what is no array at all, and
another process, or another run in the same one, finds it in JAX's cache of compiled programs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun


class Program:
    """A function of trees of arrays, compiled once for each of their shapes."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Nothing is compiled before the first call.

        Args:
            function: traceable; what it closes over has to stay the same from call to call.
        """
        self._function = function
        self._compiled: dict[Any, tuple[Any, tuple[Any, ...]]] = {}

    @property
    def compilations(self) -> int:
        """Number of compilations so far."""
        return sum(run._cache_size() for run, _ in self._compiled.values())

    def __call__(self, *arguments: Any) -> Any:
        """The function's value."""
        leaves, structure = jax.tree.flatten(arguments)
        key = (structure, tuple(jax.typeof(leaf) for leaf in leaves))
        if key not in self._compiled:
            function, constants = hoist(self._function, *arguments)
            self._compiled[key] = jax.jit(function), constants
        run, constants = self._compiled[key]
        return run(constants, *arguments)


def hoist(
    function: Callable[..., Any], *arguments: Any
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """A function of arrays, and of those that it closes over as its first argument; and these.

    Args:
        function: traceable.
        arguments: of which only shapes are looked at; those of the result have to have the same.
    """
    traced, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    structure = jax.tree.structure(shapes)

    def hoisted(constants: tuple[Any, ...], *arguments: Any) -> Any:
        run = jaxpr_as_fun(ClosedJaxpr(traced.jaxpr, constants))
        return jax.tree.unflatten(structure, run(*jax.tree.leaves(arguments)))

    return hoisted, tuple(traced.consts)


def depends(function: Callable[..., Any], *arguments: Any) -> Any:
    """Find the arrays of a function's value that depend on its arguments, as booleans."""
    traced, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    reached: set[Any] = set(traced.jaxpr.invars)
    for equation in traced.jaxpr.eqns:
        if any(not isinstance(atom, Literal) and atom in reached for atom in equation.invars):
            reached.update(equation.outvars)
    found = [not isinstance(atom, Literal) and atom in reached for atom in traced.jaxpr.outvars]
    return jax.tree.unflatten(jax.tree.structure(shapes), found)
