"""Effort of the motors: terms that a task may add to its loss."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.joints.coordinates import joint_rates
from diffsim.joints.joints import joint_frames
from diffsim.tasks.config import EffortConfig
from diffsim.world.world import State, World


class Work(NamedTuple):
    """Work of all motors in one time step, shapes (drives,); None where it is not asked for."""

    force: jax.Array | None
    power: jax.Array | None


def observe_work(config: EffortConfig, world: World, state: State) -> Work:
    """Mean forces [N·m, N] of the last step, and their power [W] at the rates of its end."""
    if config.torque == config.energy == config.smoothness == 0.0:
        return Work(None, None)
    force = state.impulses.motor / world.timestep
    if config.energy == 0.0:
        return Work(force, None)
    frames = joint_frames(world.joints, state.pose)
    which = world.drives.coordinate
    rate = joint_rates(world.joints, frames, state.pose.position, state.twist, which)
    return Work(force, force * rate)


def effort_cost(config: EffortConfig, work: Work, before: Work) -> jax.Array | float:
    """Terms of the cost of a time step, from what was observed after it and after the one before.

    They add up over force and power of all motors, shape ().
    """
    total: jax.Array | float = 0.0
    if work.force is not None and config.torque > 0.0:
        total += config.torque * jnp.sum(work.force**2, axis=0)
    if work.power is not None:
        total += config.energy * jnp.sum(jnp.abs(work.power), axis=0)
    if work.force is not None and config.smoothness > 0.0:
        assert before.force is not None
        total += config.smoothness * jnp.sum((work.force - before.force) ** 2, axis=0)
    return total
