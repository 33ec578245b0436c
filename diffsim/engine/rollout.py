"""Many time steps: a scan whose gradient stores one state per step and recomputes the rest."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax

from diffsim.engine.packing import Packed, Packing
from diffsim.engine.solver.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.engine.step import step
from diffsim.engine.world import Control, State, World

Policy = Callable[[Any, State], tuple[Any, Control]]
"""Maps memory and state to the new memory and the control."""

Observer = Callable[[State], Any]
"""Maps the state after a step to what is kept of it: a pytree of arrays."""


class Rollout(NamedTuple):
    """The result of a simulation.

    Attributes:
        state: at the end.
        memory: of the policy, at the end.
        observations: what the observer kept, with a leading axis (steps,).
    """

    state: State
    memory: Any
    observations: Any


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def decay_gradient(tree: Any, factor: float) -> Any:
    """The identity, whose reverse-mode gradient is multiplied by ``factor``.

    Applied to the state at every time step this is the α of the paper's recipe for
    back-propagation through time (section 3.2): what happened k steps before counts α^k. The
    gradient is then a biased one by intention; forward mode is not defined.
    """
    return tree


def _decay_forward(tree: Any, factor: float) -> tuple[Any, None]:
    return tree, None


def _decay_backward(factor: float, _: None, cotangent: Any) -> tuple[Any]:
    def scaled(leaf: Any) -> Any:
        # Leaves without a derivative, as counters and keys in a memory, have cotangents float0.
        return leaf if leaf.dtype == jax.dtypes.float0 else leaf * factor

    return (jax.tree.map(scaled, cotangent),)


decay_gradient.defvjp(_decay_forward, _decay_backward)


def rollout(
    world: World,
    solver: ProjectedGaussSeidel,
    state: State,
    memory: Any,
    policy: Policy,
    steps: int,
    observe: Observer = lambda state: None,
    gradient_decay: float = 1.0,
    checkpoint: bool = True,
) -> Rollout:
    """Simulate ``steps`` time steps under a policy.

    Args:
        world, solver: as for ``step``.
        state: at the start.
        memory: of the policy at the start; any pytree, () for none.
        policy: maps memory and state to the new memory and the control.
        steps: number of time steps.
        observe: what to keep of each state.
        gradient_decay: α ≤ 1, see ``decay_gradient``; 1 leaves the gradient exact.
        checkpoint: keep only the state of each step for the reverse pass and compute a step's
            temporaries again when they are needed, so that memory grows with steps × state.

    Raises:
        ValueError: if ``steps`` is not positive.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")

    kept = Packing(jax.eval_shape(observe, state))

    def advance(carry: tuple[State, Any], _: None) -> tuple[tuple[State, Any], Packed]:
        if gradient_decay != 1.0:
            carry = decay_gradient(carry, gradient_decay)
        state, memory = carry
        memory, control = policy(memory, state)
        state = step(world, solver, state, control)
        return (state, memory), kept.pack(observe(state))

    # Inside a scan nothing can be merged across the checkpoint, so no barrier is needed.
    body = jax.checkpoint(advance, prevent_cse=False) if checkpoint else advance
    (state, memory), observations = jax.lax.scan(body, (state, memory), length=steps)
    return Rollout(state, memory, jax.vmap(kept.unpack)(observations))
