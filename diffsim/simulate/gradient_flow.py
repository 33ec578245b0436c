"""Passage of the gradient from one time step back to the one before.

Over many steps of contact the product of derivatives grows beyond any use (``docs/gradients.md``).
What can be done about it, each by intention a biased gradient:

    decay        α of the paper: what happened k steps before counts αᵏ
    limit        the norm of the state's cotangent is limited, at every step and for every robot
    truncation   the gradient ends where a segment of so many steps begins

Source: Degrave et al. (2019), section 3.2; Pascanu, Mikolov, Bengio, "On the difficulty of training
recurrent neural networks", 2013, for limits on norms; Williams and Peng, "An efficient
gradient-based algorithm for on-line training of recurrent network trajectories", 1990.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from diffsim.simulate.batch import own_axes

T = TypeVar("T")


class GradientFlow(NamedTuple):
    """Settings, all static; the defaults leave the gradient exact.

    Attributes:
        decay: factor for the gradient of state and memory at every time step, at most 1.
        limit: largest norm of the state's cotangent at every time step, None for no limit.
        truncation: number of steps after which the gradient ends, None for never.
    """

    decay: float = 1.0
    limit: float | None = None
    truncation: int | None = None


EXACT = GradientFlow()


def pass_back(
    state: T, memory: Any, first: jax.Array | None, flow: GradientFlow, robot_axes: int
) -> tuple[T, Any]:
    """The identity on state and memory at the start of a step, with the gradient of ``flow``.

    Forward mode is not defined, but for ``EXACT``.

    Args:
        state, memory: pytrees of arrays.
        first: whether another segment begins with this step, shape (); None without truncation.
        flow: what happens to the gradient.
        robot_axes: how many of the last axes of every array count robots: each has its own norm.
    """
    if flow.limit is not None:
        state = limit_gradient(state, flow.limit, robot_axes)
    if flow.decay != 1.0:
        state, memory = decay_gradient((state, memory), flow.decay)
    if first is not None:
        state, memory = cut_gradient((state, memory), first)
    return state, memory


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def decay_gradient(tree: Any, factor: float) -> Any:
    """The identity, whose gradient is multiplied by a factor."""
    return tree


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def limit_gradient(tree: Any, limit: float, robot_axes: int) -> Any:
    """The identity, whose gradient is scaled down to a norm, over all arrays of each robot.

    Numbers that are not finite stay so, to be seen.
    """
    return tree


@jax.custom_vjp
def cut_gradient(tree: Any, ends: jax.Array) -> Any:
    """The identity, whose gradient is zero where ``ends`` is true."""
    return tree


def _scale(cotangent: Any, factor: Any) -> Any:
    # Leaves without a derivative, as counters and keys in a memory, have cotangents float0.
    return jax.tree.map(
        lambda leaf: leaf if leaf.dtype == jax.dtypes.float0 else leaf * factor, cotangent
    )


def _decay_backward(factor: float, _: None, cotangent: Any) -> tuple[Any]:
    return (_scale(cotangent, factor),)


def _limit_backward(limit: float, robot_axes: int, _: None, cotangent: Any) -> tuple[Any]:
    leaves = [c for c in jax.tree.leaves(cotangent) if c.dtype != jax.dtypes.float0]

    # Relative to the largest entry, whose square may be beyond the range of the numbers.
    tops = [jnp.max(jnp.abs(leaf), axis=own_axes(leaf, robot_axes), initial=0.0) for leaf in leaves]
    top = jnp.max(jnp.stack(tops), axis=0)
    unit = jnp.where(top > 0.0, top, 1.0)
    squares = [jnp.sum((leaf / unit) ** 2, axis=own_axes(leaf, robot_axes)) for leaf in leaves]
    norm = unit * jnp.sqrt(jnp.where(top > 0.0, sum(squares, jnp.zeros_like(unit)), 1.0))
    return (_scale(cotangent, jnp.where(norm > limit, limit / norm, 1.0)),)


def _cut_backward(ends: jax.Array, cotangent: Any) -> tuple[Any, None]:
    def cut(leaf: Any) -> Any:
        return leaf if leaf.dtype == jax.dtypes.float0 else jnp.where(ends, 0.0, leaf)

    return jax.tree.map(cut, cotangent), None


decay_gradient.defvjp(lambda tree, factor: (tree, None), _decay_backward)
limit_gradient.defvjp(lambda tree, limit, robot_axes: (tree, None), _limit_backward)
cut_gradient.defvjp(lambda tree, ends: (tree, ends), _cut_backward)
