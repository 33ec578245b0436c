"""Rigid bodies in maximal coordinates: six degrees of freedom each, integrated in time.

The body frame sits at the centre of mass with its axes along the principal axes of inertia, so
that inertia is a diagonal matrix there: I = R diag(principal) Rᵀ in the world frame.
"""

from __future__ import annotations

from typing import NamedTuple

import jax

from diffsim.engine.pytrees import pytree, static
from diffsim.engine.rotations import rotate
from diffsim.engine.vectors import Mat3, Vec3


@pytree
class Bodies:
    """Masses and moments of inertia.

    Attributes:
        names: one for each body.
        mass: [kg], shape (bodies,).
        principal_inertia: principal moments of inertia [kg·m²], components (bodies,).
    """

    names: tuple[str, ...] = static()
    mass: jax.Array
    principal_inertia: Vec3


class Velocities(NamedTuple):
    """Velocities of all bodies in the world frame, components (bodies,): [m/s] and [rad/s]."""

    linear: Vec3
    angular: Vec3


def inertia_times(rotation: Mat3, principal_inertia: Vec3, vector: Vec3) -> Vec3:
    """R diag(principal) Rᵀ b: inertia in the world frame times a vector."""
    return rotation @ rotation.transpose_times(vector).scale_components(principal_inertia)


def invert(vector: Vec3) -> Vec3:
    """Componentwise reciprocal."""
    return Vec3(1.0 / vector.x, 1.0 / vector.y, 1.0 / vector.z)


def free_velocities(
    bodies: Bodies,
    rotation: Mat3,
    velocity: Vec3,
    angular_velocity: Vec3,
    force: Vec3,
    torque: Vec3,
    gravity: Vec3,
    timestep: jax.Array,
) -> Velocities:
    """Velocities after one step under gravity, forces and torques alone: v + h (g + f/m).

    The gyroscopic term is not here: ``advance`` applies it with the rotation.
    """
    angular_acceleration = inertia_times(rotation, invert(bodies.principal_inertia), torque)
    return Velocities(
        velocity + (force * (1.0 / bodies.mass) + gravity) * timestep,
        angular_velocity + angular_acceleration * timestep,
    )


def gyroscopic_acceleration(bodies: Bodies, rotation: Mat3, angular_velocity: Vec3) -> Vec3:
    """I⁻¹ (Iω × ω): how ω changes in torque-free rotation [rad/s²], world frame."""
    omega = rotation.transpose_times(angular_velocity)
    torque = omega.scale_components(bodies.principal_inertia).cross(omega)
    return rotation @ torque.scale_components(invert(bodies.principal_inertia))


def advance(
    bodies: Bodies,
    position: Vec3,
    rotation: Mat3,
    drift: Velocities,
    angular_velocity: Vec3,
    timestep: jax.Array,
) -> tuple[Vec3, Mat3, Vec3]:
    """Move the bodies over one step; returns position, rotation and angular velocity.

    Positions follow the drift velocities (those after the solve: semi-implicit Euler). The
    orientation turns with the angular velocity at the middle of the step, ω + h/2 I⁻¹(Iω × ω).
    The angular velocity then follows from the angular momentum L = Iω, which the rotation leaves
    as it is: ω′ = I′⁻¹ L. So torque-free rotation keeps L to round-off, and its energy error is of
    second order in h, where the explicit gyroscopic term gains energy at first order.
    """
    half_turn = gyroscopic_acceleration(bodies, rotation, drift.angular) * (0.5 * timestep)
    new_rotation = rotate(rotation, (drift.angular + half_turn) * timestep)
    momentum = inertia_times(rotation, bodies.principal_inertia, angular_velocity)
    new_angular_velocity = inertia_times(new_rotation, invert(bodies.principal_inertia), momentum)
    return position + drift.linear * timestep, new_rotation, new_angular_velocity


def kinetic_energy(
    bodies: Bodies, rotation: Mat3, velocity: Vec3, angular_velocity: Vec3
) -> jax.Array:
    """½ m v² + ½ ω·Iω of each body [J], shape (bodies,)."""
    momentum = inertia_times(rotation, bodies.principal_inertia, angular_velocity)
    return 0.5 * (bodies.mass * velocity.squared_norm() + angular_velocity.dot(momentum))
