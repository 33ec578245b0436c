"""Pushes: a body is given a sudden velocity, every now and then, in a horizontal direction."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from diffsim.math.indexing import column
from diffsim.math.vectors import Vec3
from diffsim.tasks.config import TaskConfig
from diffsim.tasks.task import step_count
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
    """Velocities that are added to those of all bodies before every step [m/s].

    Args:
        task: says how fast, and how often.
        directions: of ``draw_directions``, shape (pushes, ...).
        state: of the episode's start.
        body: number of the one that is pushed.
        dt: time step [s].

    Returns:
        Components (steps, bodies, ...), zero but for a few steps.
    """
    steps = step_count(task.duration, dt)
    at = _steps_of_pushes(task, dt)
    still = jnp.zeros((steps, *state.twist.linear.x.shape), state.twist.linear.x.dtype)

    def along(share: jax.Array) -> jax.Array:
        return still.at[jnp.asarray(at), body].add(task.push.speed * share)

    return Vec3(along(jnp.cos(directions)), along(jnp.sin(directions)), still)


def push_before(task: TaskConfig, dt: float, directions: jax.Array, step: jax.Array) -> Vec3:
    """Velocity that is added to the pushed body's before one step [m/s], components ().

    Args:
        task: says how fast, and how often.
        dt: time step [s].
        directions: of ``draw_directions``, shape (pushes,).
        step: its number, from 0 on, shape ().
    """
    is_due = column(_steps_of_pushes(task, dt), directions) == step
    speed = jnp.where(is_due, task.push.speed, 0.0)
    x = jnp.sum(speed * jnp.cos(directions), axis=0)
    y = jnp.sum(speed * jnp.sin(directions), axis=0)
    return Vec3(x, y, jnp.zeros_like(x))


def _steps_of_pushes(task: TaskConfig, dt: float) -> list[int]:
    last = step_count(task.duration, dt) - 1
    return [min(last, round((k + 1) * task.push.every / dt)) for k in range(push_count(task))]
