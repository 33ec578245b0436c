"""Rigid bodies in maximal coordinates: six degrees of freedom each, integrated in time.

The body frame sits at the centre of mass. Inertia is a tensor fixed in it: R I Rᵀ in the world.

What turning bodies need beyond the first order in h (precession, the arcs along which joints lead
them) is an expansion in the angle ω h of one step. It makes the motion accurate where that angle is
small, and unstable where it is not. So these terms are taken as far as a step can resolve a turn
(``resolved``): wholly up to a quarter of a radian, not at all beyond half a radian. What is then
left loses energy, and quickly; it never gains any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.math.pytrees import pytree, static
from diffsim.math.rotations import rotate
from diffsim.math.spatial import Pose, Twist, Wrench
from diffsim.math.vectors import Mat3, Sym3, Vec3

if TYPE_CHECKING:
    from jaxtyping import Float

RESOLVED, UNRESOLVED = 0.25, 0.5
"""Angles that a body turns by in one step [rad]."""


@pytree
class Bodies:
    """Masses and moments of inertia.

    Attributes:
        names: one for each body.
        mass: [kg], shape (bodies,).
        inertia: about the centre of mass in the body frame [kg·m²], components (bodies,).
    """

    names: tuple[str, ...] = static()
    mass: Float[jax.Array, "bodies *robots"]
    inertia: Annotated[Sym3, "bodies *robots"]


class FreeMotion(NamedTuple):
    """Motion over one step under external forces alone.

    Attributes:
        twist: with which the bodies would move through the step.
        precession: the part of the angular velocity that is there because the inertia turns with
            the body, s h/2 I⁻¹(Iω × ω); it belongs to the motion, not to the momentum [rad/s].
        resolved: s, how far the step resolves the body's turning, shape (bodies,).
    """

    twist: Twist
    precession: Vec3
    resolved: jax.Array


def resolved(angular_velocity: Vec3, timestep: jax.Array) -> jax.Array:
    """Share in which a step resolves a body's turning: 1 if slow, 0 if fast, smooth between."""
    squared = angular_velocity.squared_norm() * timestep**2
    turning = squared > RESOLVED**2
    angle = jnp.sqrt(jnp.where(turning, squared, RESOLVED**2))
    share = jnp.clip((UNRESOLVED - angle) / (UNRESOLVED - RESOLVED), 0.0, 1.0)
    return share**2 * (3.0 - 2.0 * share)


def inertia_times(rotation: Mat3, inertia: Sym3, vector: Vec3) -> Vec3:
    """R I Rᵀ b: inertia in the world frame times a vector."""
    return rotation @ (inertia @ rotation.transpose_times(vector))


def free_motion(
    bodies: Bodies,
    rotation: Mat3,
    twist: Twist,
    wrench: Wrench,
    gravity: Vec3,
    timestep: jax.Array,
) -> FreeMotion:
    """Motion of every body by itself under gravity, forces and torques: v + h (g + f/m).

    A body turns with the angular velocity at the middle of the step, ω + h I⁻¹τ + precession.

    Args:
        bodies: masses and inertia.
        rotation: from the bodies' frames to the world's, components (bodies,), as are all vectors.
        twist: of the centres of mass at the start of the step, in the world frame.
        wrench: on the centres of mass, in the world frame.
        gravity: components () [m/s²].
        timestep: h [s].
    """
    inverse_inertia = bodies.inertia.inverse()
    spin = rotation.transpose_times(
        twist.angular + inertia_times(rotation, inverse_inertia, wrench.torque) * timestep
    )
    share = resolved(spin, timestep)
    precession = inverse_inertia @ (bodies.inertia @ spin).cross(spin) * (0.5 * timestep * share)
    return FreeMotion(
        Twist(
            twist.linear + (wrench.force * (1.0 / bodies.mass) + gravity) * timestep,
            rotation @ (spin + precession),
        ),
        rotation @ precession,
        share,
    )


def advance(pose: Pose, drift: Twist, free: tuple[int, ...], timestep: jax.Array) -> Pose:
    """Positions and rotations after one step with the drift: semi-implicit Euler.

    Args:
        pose: of the bodies at the start of the step.
        drift: with which they move throughout the step.
        free: indices of the bodies that turn by themselves.
        timestep: h [s].

    Returns:
        positions of all bodies, rotations of the free ones.
    """
    angle = drift.angular.gather(free) * timestep
    return Pose(pose.position + drift.linear * timestep, rotate(pose.rotation.gather(free), angle))


def turn(bodies: Bodies, before: Mat3, after: Mat3, spin: Vec3, resolved: jax.Array) -> Vec3:
    """Angular velocity once a body has turned: ω′ = I′⁻¹ I ω [rad/s].

    Turning leaves the angular momentum as it is. So torque-free rotation keeps it to round-off, and
    its energy error is of second order in h, where the explicit gyroscopic term gains energy at
    first order. Where a step does not resolve the turn, ω keeps its direction instead, and its
    energy. (Not its place in the body: an impact within the step turns the body about another axis
    than that of the ω it leaves, and must not turn the ω of a ball.)

    Args:
        bodies: masses and inertia.
        before, after: rotations at the start and at the end of the step.
        spin: ω at the end of the step but with the inertia of its start.
        resolved: how far the step resolves the turn.
    """
    angular_momentum = inertia_times(before, bodies.inertia, spin)
    kept = inertia_times(after, bodies.inertia.inverse(), angular_momentum)
    energy = spin.dot(angular_momentum)
    turns = (resolved < 1.0) & (energy > 0.0)
    turned_energy = jnp.where(turns, spin.dot(inertia_times(after, bodies.inertia, spin)), 1.0)
    steady = spin * jnp.sqrt(jnp.where(turns, energy / turned_energy, 1.0))
    return steady + (kept - steady) * resolved


def kinetic_energy(bodies: Bodies, rotation: Mat3, twist: Twist) -> jax.Array:
    """½ m v² + ½ ω·Iω of each body [J], shape (bodies,)."""
    momentum = inertia_times(rotation, bodies.inertia, twist.angular)
    return 0.5 * (bodies.mass * twist.linear.squared_norm() + twist.angular.dot(momentum))
