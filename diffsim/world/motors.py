"""Actuators: thrusters push one body, drives move or limit one coordinate of a joint.

A drive is a motor, a pair of limits, or both, on one coordinate. Its law is that of
``diffsim.constraints.drive``.

Source: Degrave et al. (2019), section 2 (servo motors with gain, maximal torque and velocity).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import jax
import jax.numpy as jnp

from diffsim.math.indexing import column
from diffsim.math.pytrees import pytree, static
from diffsim.math.spatial import Wrench
from diffsim.math.vectors import Mat3, Vec3

if TYPE_CHECKING:
    from jaxtyping import Float


@pytree
class Thrusters:
    """Forces at points of bodies and torques, along axes fixed in the bodies.

    Attributes:
        names: one for each thruster.
        body: index of the body each acts on.
        is_torque: True where the command is a torque [N·m], False where it is a force [N].
        axis_local: unit axis in the body frame, components (thrusters,).
        point_local: where a force acts, in the body frame [m], components (thrusters,).
        limit: largest magnitude [N] or [N·m], shape (thrusters,).
    """

    names: tuple[str, ...] = static()
    body: tuple[int, ...] = static()
    is_torque: tuple[bool, ...] = static()
    axis_local: Annotated[Vec3, "thrusters *robots"]
    point_local: Annotated[Vec3, "thrusters *robots"]
    limit: Float[jax.Array, "thrusters *robots"]


@pytree
class Drives:
    """Motors and limits of joint coordinates, at most one drive for each coordinate.

    Attributes:
        names: one for each drive: the motor's, or the joint's if there are only limits.
        coordinate: joint and number of the coordinate.
        motor: "position", "velocity", "torque", or "" for none.
        command: index among the commands of the motors, or -1.
        limited: whether the coordinate has limits.
        gain: of a position servo [1/s], shape (drives,).
        max_force: [N·m] or [N], zero without a motor, shape (drives,).
        max_velocity: [rad/s] or [m/s], shape (drives,).
        lowest_command, highest_command: commands are clipped to this range, shape (drives,).
        lower, upper: limits of the coordinate [rad] or [m], infinite for none, shape (drives,).
    """

    names: tuple[str, ...] = static()
    coordinate: tuple[tuple[int, int], ...] = static()
    motor: tuple[str, ...] = static()
    command: tuple[int, ...] = static()
    limited: tuple[bool, ...] = static()
    gain: Float[jax.Array, "drives *robots"]
    max_force: Float[jax.Array, "drives *robots"]
    max_velocity: Float[jax.Array, "drives *robots"]
    lowest_command: Float[jax.Array, "drives *robots"]
    highest_command: Float[jax.Array, "drives *robots"]
    lower: Float[jax.Array, "drives *robots"]
    upper: Float[jax.Array, "drives *robots"]


def thruster_wrench(thrusters: Thrusters, rotation: Mat3, command: jax.Array) -> Wrench:
    """Force [N] and torque [N·m] on every body in the world frame, components (bodies,).

    Commands beyond the limit are clipped; there the gradient with respect to the command is zero.
    """
    zero = jnp.zeros_like(rotation.c0.x)
    nothing = Vec3(zero, zero, zero)
    if not thrusters.names:
        return Wrench(nothing, nothing)
    body = thrusters.body
    twists = column(thrusters.is_torque, command)
    thrust = jnp.clip(command, -thrusters.limit, thrusters.limit)
    turned = rotation.gather(body)
    action = (turned @ thrusters.axis_local) * thrust
    push, twist = (action * jnp.where(twists == kind, 1.0, 0.0) for kind in (False, True))
    torque = twist + (turned @ thrusters.point_local).cross(push)
    return Wrench(nothing.scatter_add(body, push), nothing.scatter_add(body, torque))
