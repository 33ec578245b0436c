"""Memory that a gradient through many steps takes, estimated before compiling.

The reverse pass keeps what its checkpoints say (``diffsim.simulate.rollout``): states, or what
whole steps compute. A state's size is exact. Of what a step computes XLA keeps a part, the rest it
computes again inside its kernels; that part was measured (``docs/speed.md``).
"""

from __future__ import annotations

from typing import Any

import jax

from diffsim.graphs import inner_graphs
from diffsim.simulate.rollout import Policy, segment_length
from diffsim.simulate.simulator import Simulator
from diffsim.world.world import State

KEPT_SHARE = 0.2
"""Of the numbers that a step computes, those that XLA keeps for its reverse pass."""

WEIGHT_COPIES = 3
"""Of a controller's weights on every device: themselves, their gradient so far, and a step's part
of it. Measured, as above."""


def gradient_bytes(
    simulator: Simulator, state: State, policy: Policy, steps: int, checkpoint: str
) -> int:
    """Bytes of temporary memory that the gradient of a rollout takes, about.

    Only shapes are looked at.

    Args:
        simulator, state, policy, steps: as for ``rollout``.
        checkpoint: of ``Reverse``.
    """

    def once(carry: tuple[State, Any], now: tuple[Any, ...]) -> tuple[State, Any]:
        state, memory = carry
        if policy.look is not None:
            memory = policy.look(memory, state)
        memory, control = policy.act(memory, state, *now)
        return simulator.step(state, control), memory

    carry = (state, policy.memory)
    now = () if policy.given is None else (jax.tree.map(lambda leaf: leaf[0], policy.given),)
    computed = KEPT_SHARE * _output_bytes(jax.make_jaxpr(once)(carry, now).jaxpr)
    kept = sum(_bytes(leaf) for leaf in jax.tree.leaves(carry))
    if checkpoint == "none":
        return round(steps * computed)
    if checkpoint == "steps":
        return round(steps * kept + computed)
    length = segment_length(steps)
    return round((steps // length + length) * kept + computed)


def weight_bytes(weights: Any, devices: int = 1) -> int:
    """Bytes that the weights and their gradient take on all devices together, about."""
    return WEIGHT_COPIES * devices * sum(_bytes(leaf) for leaf in jax.tree.leaves(weights))


def _output_bytes(graph: Any) -> int:
    """Bytes that the equations of a graph give; the body of a loop counts once."""
    total = 0
    for equation in graph.eqns:
        total += sum(_bytes(variable.aval) for variable in equation.outvars)
        total += sum(_output_bytes(inner) for inner in inner_graphs(equation))
    return total


def _bytes(array: Any) -> int:
    # Random keys have a type that hides how many bytes they are.
    return int(array.size * getattr(array.dtype, "itemsize", 8))
