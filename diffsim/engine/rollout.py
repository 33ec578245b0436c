"""Many time steps: a scan whose gradient stores few states and computes the rest again.

The reverse pass of T steps needs what every step has computed. It may be kept, or computed again
from states that are kept (``CHECKPOINTS``):

    none      all that the steps compute: the least computing, the most memory
    steps     the T states; each step is computed twice
    nested    about 2 √T states, those at the ends of √T segments and, one segment at a time, those
              within it; each step is computed three times

Source: Griewank, "Achieving logarithmic growth of temporal and spatial complexity in reverse
automatic differentiation", 1992; Chen et al., "Training deep nets with sublinear memory cost",
2016.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.engine.packing import Packed, Packing
from diffsim.engine.solver.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.engine.step import step
from diffsim.engine.world import Control, State, World

Policy = Callable[[Any, State], tuple[Any, Control]]
"""Maps memory and state to the new memory and the control."""

CHECKPOINTS = ("none", "steps", "nested")
"""What the reverse pass of a rollout finds in memory; see above."""

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
    checkpoint: str = "steps",
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
        checkpoint: what is kept for the reverse pass, one of ``CHECKPOINTS``.

    Raises:
        ValueError: if ``steps`` is not positive or ``checkpoint`` is none of them.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if checkpoint not in CHECKPOINTS:
        raise ValueError(f"checkpoint must be one of {CHECKPOINTS}, got '{checkpoint}'")

    kept = Packing(jax.eval_shape(observe, state))

    def advance(carry: tuple[State, Any], _: None) -> tuple[tuple[State, Any], Packed]:
        if gradient_decay != 1.0:
            carry = decay_gradient(carry, gradient_decay)
        state, memory = carry
        memory, control = policy(memory, state)
        state = step(world, solver, state, control)
        return (state, memory), kept.pack(observe(state))

    (state, memory), observations = _scan(advance, (state, memory), steps, checkpoint)
    return Rollout(state, memory, jax.vmap(kept.unpack)(observations))


def segment_length(steps: int) -> int:
    """Steps in a segment of nested checkpoints: near √steps, and if possible a divisor of steps."""
    root = math.sqrt(steps)
    candidates = range(math.ceil(0.5 * root), math.floor(2.0 * root) + 1)
    near = [k for k in candidates if steps % k == 0]
    return min(near, key=lambda k: abs(math.log(k / root)), default=round(root))


def _scan(
    body: Callable[[Any, None], tuple[Any, Packed]], carry: Any, steps: int, checkpoint: str
) -> tuple[Any, Packed]:
    """``jax.lax.scan`` over steps without inputs."""
    if checkpoint == "none":
        return jax.lax.scan(body, carry, length=steps)
    # Inside a scan nothing can be merged across the checkpoint, so no barrier is needed.
    kept = partial(jax.checkpoint, prevent_cse=False)
    step = kept(body)
    if checkpoint == "steps":
        return jax.lax.scan(step, carry, length=steps)

    length = segment_length(steps)
    segments, rest = divmod(steps, length)
    segment = kept(lambda carry, _: jax.lax.scan(step, carry, length=length))
    carry, outputs = jax.lax.scan(segment, carry, length=segments)
    outputs = jax.tree.map(lambda x: x.reshape(segments * length, *x.shape[2:]), outputs)
    if rest:
        carry, last = jax.lax.scan(step, carry, length=rest)
        outputs = jax.tree.map(lambda *parts: jnp.concatenate(parts), outputs, last)
    return carry, outputs
