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

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.math.packing import Packed, Packing
from diffsim.math.vectors import Vec3
from diffsim.simulate.batch import robot_axes
from diffsim.simulate.gradient_flow import EXACT, GradientFlow, cut_gradient, pass_back
from diffsim.simulate.simulator import Simulator
from diffsim.world.world import Control, State, command_count


@dataclasses.dataclass(frozen=True)
class Policy:
    """Rule that sets the control at every step, with its memory.

    Attributes:
        act: maps memory and state, and what is given for this step if anything is, to the new
            memory and the control.
        memory: at the start; any pytree of arrays, () for none.
        given: for every step, commands known beforehand for example: a pytree of arrays
            (steps, ...), None for nothing.
        look: maps memory and state to the new memory, every few steps, the first time at the start;
            in between it acts by what it remembers. None for never.
        every: how many steps go by from look to look.
        pushes: disturbances: velocities that are added to those of the bodies before every step
            [m/s], components (steps, bodies, ...); None for none. The derivative with respect to
            them says how much what happens at a step counts for the result.

    Raises:
        ValueError: if ``every`` is not positive.
    """

    act: Callable[..., tuple[Any, Control]]
    memory: Any = ()
    given: Any = None
    look: Callable[[Any, State], Any] | None = None
    every: int = 1
    pushes: Vec3 | None = None

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every must be at least 1, got {self.every}")


def hold(control: Control) -> Policy:
    """The policy that sets the same control at every step."""
    return Policy(lambda memory, state: (memory, control))


class HeldMemory(NamedTuple):
    """Memory of a policy that holds its commands.

    Attributes:
        memory: of what gives the commands.
        commands: the last ones, shape (commands, ...).
    """

    memory: Any
    commands: jax.Array


def sample_and_hold(
    control: Callable[[Any, State], tuple[Any, jax.Array]],
    memory: Any,
    commands: jax.Array,
    every: int,
) -> Policy:
    """The policy that sets commands anew every few time steps, the first time at the start.

    Args:
        control: maps memory and state to the new memory and the commands, shape (commands, ...).
        memory: at the start.
        commands: of the right shape; they are not used.
        every: number of time steps for which commands are held.
    """

    def look(held: HeldMemory, state: State) -> HeldMemory:
        return HeldMemory(*control(held.memory, state))

    def act(held: HeldMemory, state: State) -> tuple[HeldMemory, Control]:
        return held, Control(held.commands)

    return Policy(act, HeldMemory(memory, commands), look=look, every=every)


CHECKPOINTS = ("none", "steps", "nested")
"""Choices of what the reverse pass keeps; see above."""


MOST_PACKED = 2**14
"""Numbers of a state and a policy's memory up to which the reverse pass stores them in one array.

A loop that is one kernel copies all that has been stored if it stores several arrays of each step
(``diffsim.math.packing``). With many robots it is many kernels, which copy nothing but what they
pack.
"""


@dataclasses.dataclass(frozen=True)
class Reverse:
    """Settings of the reverse pass; the defaults leave the derivative exact.

    Attributes:
        checkpoint: what is kept for the reverse pass, one of ``CHECKPOINTS``.
        flow: how the gradient passes from step to step.

    Raises:
        ValueError: if ``checkpoint`` is none of them.
    """

    checkpoint: str = "steps"
    flow: GradientFlow = EXACT

    def __post_init__(self) -> None:
        if self.checkpoint not in CHECKPOINTS:
            raise ValueError(f"checkpoint must be one of {CHECKPOINTS}, got '{self.checkpoint}'")


ScanBody = Callable[[Any, Any], tuple[Any, Packed]]
"""Body of a ``jax.lax.scan``: (carry, input) to (carry, packed output)."""

Observer = Callable[[State, Control], Any]
"""Maps the state after a step, and the control that led there, to what is kept: a pytree of arrays.
"""


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


def rollout(
    simulator: Simulator,
    state: State,
    policy: Policy,
    steps: int,
    observe: Observer = lambda state, control: None,
    reverse: Reverse = Reverse(),
) -> Rollout:
    """Simulate ``steps`` time steps under a policy.

    Args:
        simulator: takes the steps.
        state: at the start.
        policy: what sets the control.
        steps: number of time steps.
        observe: what to keep of each step.
        reverse: how the derivative goes back.

    Raises:
        ValueError: if ``steps`` is not positive, or the gradient is truncated between two looks of
            the policy.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    truncation = reverse.flow.truncation
    if policy.look is not None and truncation is not None and truncation % policy.every:
        raise ValueError(f"truncation must be a multiple of {policy.every}, got {truncation}")
    commands = (command_count(simulator.world), *state.time.shape)
    idle = Control(jnp.zeros(commands, state.time.dtype))
    kept = Packing(jax.eval_shape(observe, state, idle))
    flow, axes = reverse.flow, robot_axes(state)

    def advance(carry: tuple[State, Any], inputs: Any) -> tuple[tuple[State, Any], Packed]:
        first, now, push = inputs
        state, memory = pass_back(*carry, first, flow, axes)
        if push is not None:
            pushed = state.twist._replace(linear=state.twist.linear + push)
            state = state._replace(twist=pushed)
        memory, control = policy.act(memory, state, *now)
        state = simulator.step(state, control)
        return (state, memory), kept.pack(observe(state, control))

    first = None
    if flow.truncation is not None:
        number = jnp.arange(steps)
        first = (number % flow.truncation == 0) & (number > 0)
    inputs = (first, () if policy.given is None else (policy.given,), policy.pushes)
    scan = _scan if policy.look is None else partial(_scan_with_looks, policy)
    (state, memory), observations = scan(
        advance, (state, policy.memory), inputs, steps, reverse.checkpoint
    )
    return Rollout(state, memory, jax.vmap(kept.unpack)(observations))


def segment_length(steps: int) -> int:
    """Steps in a segment of nested checkpoints: near √steps, and if possible a divisor of steps."""
    root = math.sqrt(steps)
    candidates = range(math.ceil(0.5 * root), math.floor(2.0 * root) + 1)
    near = [k for k in candidates if steps % k == 0]
    return min(near, key=lambda k: abs(math.log(k / root)), default=round(root))


def _scan(
    body: ScanBody, carry: Any, inputs: Any, steps: int, checkpoint: str
) -> tuple[Any, Packed]:
    """``jax.lax.scan`` over the steps."""
    if checkpoint == "none":
        return jax.lax.scan(body, carry, inputs, length=steps)
    carry = jax.tree.map(jnp.asarray, carry)
    if sum(leaf.size for leaf in jax.tree.leaves(carry)) <= MOST_PACKED:
        packing = Packing(carry)

        def packed_body(packed: Packed, inputs: Any) -> tuple[Packed, Packed]:
            carry, kept = body(packing.unpack(packed), inputs)
            return packing.pack(carry), kept

        packed, kept = _checkpointed(packed_body, packing.pack(carry), inputs, steps, checkpoint)
        return packing.unpack(packed), kept
    return _checkpointed(body, carry, inputs, steps, checkpoint)


def _checkpointed(
    body: ScanBody, carry: Any, inputs: Any, steps: int, checkpoint: str
) -> tuple[Any, Packed]:
    """``jax.lax.scan`` that keeps the carries of the steps, or of segments and of one's steps."""
    # Inside a scan nothing can be merged across the checkpoint, so no barrier is needed.
    kept = partial(jax.checkpoint, prevent_cse=False)
    step = kept(body)
    if checkpoint == "steps":
        return jax.lax.scan(step, carry, inputs, length=steps)

    def segment(carry: Any, inputs: Any, length: int) -> tuple[Any, Packed]:
        return jax.lax.scan(step, carry, inputs, length=length)

    def segments(segment: ScanBody, carry: Any, inputs: Any, count: int) -> tuple[Any, Packed]:
        return jax.lax.scan(kept(segment), carry, inputs, length=count)

    return _in_segments(segments, segment, carry, inputs, steps, segment_length(steps))


def _scan_with_looks(
    policy: Policy, body: ScanBody, carry: Any, inputs: Any, steps: int, checkpoint: str
) -> tuple[Any, Packed]:
    """Scan over steps between which the policy looks; nothing between two looks is recomputed.

    A gradient that ends at a look ends before it: what is looked at is of the new segment.
    """
    look = policy.look
    assert look is not None

    def segment(carry: Any, inputs: Any, length: int) -> tuple[Any, Packed]:
        first, *rest = inputs
        if first is not None:
            carry = cut_gradient(carry, first[0])
        state, memory = carry
        return jax.lax.scan(body, (state, look(memory, state)), (None, *rest), length=length)

    scan = partial(_scan, checkpoint=checkpoint)
    return _in_segments(scan, segment, carry, inputs, steps, min(policy.every, steps))


def _in_segments(
    scan: Callable[..., tuple[Any, Packed]],
    segment: Callable[..., tuple[Any, Packed]],
    carry: Any,
    inputs: Any,
    steps: int,
    length: int,
) -> tuple[Any, Packed]:
    """A scan over segments of so many steps, and over what is left of the steps behind them."""
    count, rest = divmod(steps, length)
    whole = count * length
    cut = jax.tree.map(lambda x: x[:whole].reshape(count, length, *x.shape[1:]), inputs)
    carry, outputs = scan(partial(segment, length=length), carry, cut, count)
    outputs = jax.tree.map(lambda x: x.reshape(whole, *x.shape[2:]), outputs)
    if rest:
        last_inputs = jax.tree.map(lambda x: x[whole:], inputs)
        carry, last = segment(carry, last_inputs, length=rest)
        outputs = jax.tree.map(lambda *parts: jnp.concatenate(parts), outputs, last)
    return carry, outputs
