"""Operations of a program, counted in its graph."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from diffsim.graphs import inner_graphs
from diffsim.simulate.simulator import Simulator
from diffsim.world.world import Control, State, command_count

_ELEMENTWISE = """
    add add_any sub mul div neg max min abs sign sqrt rsqrt integer_pow square pow exp log
    sin cos tan atan2 tanh logistic select_n clamp gt ge lt le eq ne and or not is_finite
"""
_REDUCTIONS = "reduce_sum reduce_max reduce_min select_sum"

ARITHMETIC = frozenset(f"{_ELEMENTWISE} {_REDUCTIONS}".split())
"""Primitives that count as one operation for each number they give; reductions for each they take.

Divisions, roots and sines take longer than that.
"""


def count_operations(jaxpr: Any) -> float:
    """Arithmetic operations of a graph; a product of matrices counts two for each pair of factors.

    Args:
        jaxpr: from ``jax.make_jaxpr``; a loop's body counts as often as it runs.
    """
    total = 0.0
    for equation in jaxpr.eqns:
        inner = inner_graphs(equation)
        times = _times(equation)
        if inner:
            total += times * sum(count_operations(graph) for graph in inner)
        else:
            total += _operations(equation)
    return total


def count_equations(jaxpr: Any) -> int:
    """Equations of a graph, those of calls and loops counted once at each place.

    It is the size of what has to be traced and compiled.
    """
    total = 0
    for equation in jaxpr.eqns:
        inner = inner_graphs(equation)
        total += sum(count_equations(graph) for graph in inner) if inner else 1
    return total


def step_equations(simulator: Simulator, state: State, gradient: bool) -> int:
    """Equations of one time step, or of a step and its reverse pass.

    Args:
        simulator, state: of one robot, or of several side by side.
        gradient: whether the reverse pass is meant, to the state and the command.
    """
    count = command_count(simulator.world)
    command = jnp.zeros((count, *state.time.shape), state.time.dtype)

    def once(state: State, command: jax.Array) -> State:
        return simulator.step(state, Control(command))

    def back(state: State, command: jax.Array, cotangent: State) -> Any:
        return jax.vjp(once, state, command)[1](cotangent)

    traced = (
        jax.make_jaxpr(back)(state, command, state)
        if gradient
        else jax.make_jaxpr(once)(state, command)
    )
    return count_equations(traced.jaxpr)


def _times(equation: Any) -> int:
    """Number of times that an equation's inner graph is computed."""
    if equation.primitive.name == "scan":
        return int(equation.params["length"])
    if equation.primitive.name == "shard_map":  # a graph of one device's part
        return int(equation.params["mesh"].size)
    return 1


def _operations(equation: Any) -> float:
    name = equation.primitive.name
    out = math.prod(equation.outvars[0].aval.shape)
    if name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        shape = equation.invars[0].aval.shape
        return 2.0 * out * math.prod(shape[k] for k in contracted)
    if name not in ARITHMETIC:
        return 0.0
    if name.startswith("reduce") or name == "select_sum":
        return float(max(out, math.prod(equation.invars[0].aval.shape)))
    return float(out)
