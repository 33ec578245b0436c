"""Actuators. Thrusters push or twist one body along an axis fixed in it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.engine.pytrees import pytree, static
from diffsim.engine.vectors import Mat3, Vec3


@pytree
class Thrusters:
    """Forces at the centre of mass and torques, along axes fixed in the bodies.

    Attributes:
        names: one for each thruster.
        body: index of the body each acts on.
        is_torque: True where the command is a torque [N·m], False where it is a force [N].
        axis_local: unit axis in the body frame, components (thrusters,).
        limit: largest magnitude [N] or [N·m], shape (thrusters,).
    """

    names: tuple[str, ...] = static()
    body: tuple[int, ...] = static()
    is_torque: tuple[bool, ...] = static()
    axis_local: Vec3
    limit: jax.Array


def thruster_wrench(thrusters: Thrusters, rotation: Mat3, command: jax.Array) -> tuple[Vec3, Vec3]:
    """Force [N] and torque [N·m] on every body in the world frame, components (bodies,).

    Commands beyond the limit are clipped; there the gradient with respect to the command is zero.
    """
    zero = jnp.zeros_like(rotation.c0.x)
    nothing = Vec3(zero, zero, zero)
    if not thrusters.names:
        return nothing, nothing
    body = thrusters.body
    twists = np.asarray(thrusters.is_torque)
    thrust = jnp.clip(command, -thrusters.limit, thrusters.limit)
    wrench = (rotation.gather(body) @ thrusters.axis_local) * thrust
    force = nothing.scatter_add(body, wrench * jnp.where(twists, 0.0, 1.0))
    torque = nothing.scatter_add(body, wrench * jnp.where(twists, 1.0, 0.0))
    return force, torque
