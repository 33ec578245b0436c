"""Pushes: a body is given a sudden velocity, every now and then, in a horizontal direction."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from diffsim.math.vectors import Vec3
from diffsim.tasks.config import TaskConfig
from diffsim.world.world import State


def push_count(task: TaskConfig) -> int:
    """Number of pushes in an episode; there is none at its end."""
    if task.push.speed == 0.0:
        return 0
    return max(0, -int(-task.duration // task.push.every) - 1)


def draw_directions(key: jax.Array, task: TaskConfig) -> jax.Array:
    """Angles about the z axis, from x [rad], shape (pushes,)."""
    return jax.random.uniform(key, (push_count(task),), maxval=2.0 * jnp.pi)


def push_velocities(
    task: TaskConfig, directions: jax.Array, state: State, body: int, dt: float
) -> Vec3:
    """What is added to the velocities of all bodies before every step [m/s].

    Args:
        task: says how fast, and how often.
        directions: of ``draw_directions``, shape (pushes, ...).
        state: of the episode's start.
        body: number of the one that is pushed.
        dt: time step [s].

    Returns:
        Components (steps, bodies, ...), zero but for a few steps.
    """
    steps = max(1, round(task.duration / dt))
    at = [min(steps - 1, round((k + 1) * task.push.every / dt)) for k in range(push_count(task))]
    still = jnp.zeros((steps, *state.twist.linear.x.shape), state.twist.linear.x.dtype)

    def along(share: jax.Array) -> jax.Array:
        return still.at[jnp.asarray(at), body].set(task.push.speed * share)

    return Vec3(along(jnp.cos(directions)), along(jnp.sin(directions)), still)
