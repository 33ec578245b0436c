"""Actuators: thrusters push one body, drives move or limit one coordinate of a joint.

A drive is a motor, a pair of limits, or both, on one coordinate; q̇ is its rate. Over one step of
length h the motor's impulse λ stays within its limits, and the rate as near to the target as these
allow. The limits of the coordinate do what is then still needed:

    position servo   q̇⁺ → clip(gain · (command − q), ±max_velocity),    |λ| ≤ max_force · h
    velocity servo   q̇⁺ → clip(command, ±max_velocity),                 |λ| ≤ max_force · h
    torque           λ = clip(command, ±max_force) · h
    limits           (lower − q) / h ≤ q̇⁺ ≤ (upper − q) / h

A coordinate beyond its limit is moved back by the share ``erp`` of its depth in each step, which
gives it no velocity. Where a command, a velocity or a force is clipped, the derivative is that of
the bound.

Source: Degrave et al. (2019), section 2 (servo motors with gain, maximal torque and velocity).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.engine.indexing import column, gather
from diffsim.engine.pytrees import pytree, static
from diffsim.engine.vectors import Mat3, Vec3


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
    axis_local: Vec3
    point_local: Vec3
    limit: jax.Array


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
    gain: jax.Array
    max_force: jax.Array
    max_velocity: jax.Array
    lowest_command: jax.Array
    highest_command: jax.Array
    lower: jax.Array
    upper: jax.Array


class DriveTargets(NamedTuple):
    """What the drives ask of the solver, shapes (drives,).

    Attributes:
        velocity: that a servo is after [rad/s] or [m/s].
        least_impulse, greatest_impulse: bounds of the motor's impulse [N·m·s] or [N·s].
        least_velocity, greatest_velocity: that keep the coordinate within its limits.
        recovery: motion that brings it back from beyond one [rad/s] or [m/s].
    """

    velocity: jax.Array
    least_impulse: jax.Array
    greatest_impulse: jax.Array
    least_velocity: jax.Array
    greatest_velocity: jax.Array
    recovery: jax.Array


def drive_targets(
    drives: Drives, position: jax.Array, command: jax.Array, erp: float, timestep: jax.Array
) -> DriveTargets:
    """The law of the module's docstring.

    Args:
        drives: parameters.
        position: of the driven coordinates [rad] or [m], shape (drives,).
        command: of all motors in their order [rad, m, their rates, N·m or N], shape (motors,).
        erp: share of a limit's violation that is taken back in one step.
        timestep: [s].
    """
    given = gather(command, drives.command)
    given = jnp.clip(given, drives.lowest_command, drives.highest_command)
    is_servo, is_torque = (
        column([motor == kind for motor in drives.motor], position)
        for kind in ("position", "torque")
    )
    wanted = jnp.where(is_servo, drives.gain * (given - position), given)
    reach = drives.max_force * timestep
    torque = jnp.clip(given * timestep, -reach, reach)

    def closing(gap: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The velocity that closes a gap within the step, and its depth when it is negative [m]."""
        finite = jnp.where(jnp.isinf(gap), 0.0, gap)  # so that no derivative is inf · 0
        velocity = jnp.where(jnp.isinf(gap), jnp.inf, jnp.maximum(finite, 0.0) / timestep)
        return velocity, jnp.maximum(-finite, 0.0)

    to_lower, below = closing(position - drives.lower)
    to_upper, above = closing(drives.upper - position)
    return DriveTargets(
        velocity=jnp.clip(wanted, -drives.max_velocity, drives.max_velocity),
        least_impulse=jnp.where(is_torque, torque, -reach),
        greatest_impulse=jnp.where(is_torque, torque, reach),
        least_velocity=-to_lower,
        greatest_velocity=to_upper,
        recovery=erp * (below - above) / timestep,
    )


def thruster_wrench(thrusters: Thrusters, rotation: Mat3, command: jax.Array) -> tuple[Vec3, Vec3]:
    """Force [N] and torque [N·m] on every body in the world frame, components (bodies,).

    Commands beyond the limit are clipped; there the gradient with respect to the command is zero.
    """
    zero = jnp.zeros_like(rotation.c0.x)
    nothing = Vec3(zero, zero, zero)
    if not thrusters.names:
        return nothing, nothing
    body = thrusters.body
    twists = column(thrusters.is_torque, command)
    thrust = jnp.clip(command, -thrusters.limit, thrusters.limit)
    turned = rotation.gather(body)
    wrench = (turned @ thrusters.axis_local) * thrust
    push, twist = (wrench * jnp.where(twists == kind, 1.0, 0.0) for kind in (False, True))
    torque = twist + (turned @ thrusters.point_local).cross(push)
    return nothing.scatter_add(body, push), nothing.scatter_add(body, torque)
