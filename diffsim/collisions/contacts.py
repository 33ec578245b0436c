"""Contacts of spheres with the ground plane z = 0 and with each other: where surfaces are closest.

A contact is between body a and body b, and its normal points from b to a. The ground belongs to the
immovable ``WORLD``. What happens there is the law of ``diffsim.constraints.contact``.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.math.indexing import WORLD, column, gather
from diffsim.math.pytrees import pytree, static
from diffsim.math.spatial import Pose, Twist
from diffsim.math.vectors import Vec3, where


@pytree
class Contacts:
    """Pairs of surfaces that may touch: sphere and ground, or sphere and sphere.

    Attributes:
        names: one for each contact, e.g. "ball/ground".
        body_a: index of the body whose sphere touches.
        body_b: index of the other body, or ``WORLD`` for the ground.
        frictionless: whether the contact has no tangential directions at all.
        center_a, center_b: of the spheres, in the bodies' frames [m], components (contacts,).
        radius_a: radius of a's sphere [m], shape (contacts,).
        radius_b: radius of b's sphere [m], 0 for the ground, shape (contacts,).
        friction: Coulomb friction coefficient, shape (contacts,).
        restitution: ratio of the speeds after and before an impact, shape (contacts,).
        frequency: natural frequency of the softened contact [Hz], inf for a hard one.
        damping_ratio: of the softened contact, 1 for critical damping.
        by_stiffness: whether stiffness and damping say how soft the contact is, instead.
        stiffness, damping: [N/m], [N·s/m], shape (contacts,).
        least_stiffness: below which a frequency does not let the stiffness fall [N/m], shape
            (contacts,); None for no such limit.
    """

    names: tuple[str, ...] = static()
    body_a: tuple[int, ...] = static()
    body_b: tuple[int, ...] = static()
    frictionless: tuple[bool, ...] = static()
    by_stiffness: tuple[bool, ...] = static()
    center_a: Vec3
    center_b: Vec3
    radius_a: jax.Array
    radius_b: jax.Array
    friction: jax.Array
    restitution: jax.Array
    frequency: jax.Array
    damping_ratio: jax.Array
    stiffness: jax.Array
    damping: jax.Array
    least_stiffness: jax.Array | None

    def gather(self, index: tuple[int, ...]) -> Contacts:
        """The contacts at ``index``."""
        static_parts = {
            name: tuple(getattr(self, name)[k] for k in index)
            for name in ("names", "body_a", "body_b", "frictionless", "by_stiffness")
        }
        numbers = jax.tree.map(lambda leaf: gather(leaf, index), self)
        return dataclasses.replace(numbers, **static_parts)


class ContactImpulse(NamedTuple):
    """Impulses on body a in the contact's frame [N·s], each of shape (contacts,)."""

    normal: jax.Array
    tangent_1: jax.Array
    tangent_2: jax.Array


class ContactFrame(NamedTuple):
    """Geometry of the contacts, components (contacts,), all in the world frame.

    Attributes:
        separation: gap between the surfaces at the start [m], negative when penetrating.
        time_of_impact: τ, the share of the step after which surfaces that are apart meet; else 0.
        meets: whether the surfaces are in each other, or would be at the end of the step.
        normal, tangent_1, tangent_2: right-handed orthonormal frame at the time of impact.
        offset_a, offset_b: from the centres of mass to the contact point, then [m].
        sweep: normal velocity that the points have beyond that of their bodies' straight motion,
            because the spheres' centres go along arcs, h/2 n·(ω × (ω × c)) [m/s].
    """

    separation: jax.Array
    time_of_impact: jax.Array
    meets: jax.Array
    normal: Vec3
    tangent_1: Vec3
    tangent_2: Vec3
    offset_a: Vec3
    offset_b: Vec3
    sweep: jax.Array


def tangents(normal: Vec3) -> tuple[Vec3, Vec3]:
    """Two unit vectors that complete a unit normal to a right-handed frame.

    The helper axis switches from y to x where the normal comes close to y. A friction cone does not
    depend on the choice; the box of ``friction=box`` does. For the ground the tangents are x, y.
    """
    one, zero = jnp.ones_like(normal.x), jnp.zeros_like(normal.x)
    near_y = jnp.abs(normal.y) > 0.8
    helper = where(near_y, Vec3(-one, zero, zero), Vec3(zero, one, zero))
    across = helper.cross(normal)
    tangent_1 = across * (1.0 / jnp.sqrt(across.squared_norm()))
    return tangent_1, normal.cross(tangent_1)


def detect(contacts: Contacts, pose: Pose, free: Twist, timestep: jax.Array) -> ContactFrame:
    """Separation now, and the geometry at the moment when the surfaces meet in free motion.

    Surfaces that don't meet within the step, or touch already, have the geometry of now. Spheres
    whose centres coincide have no normal; they get (0, 0, 1), with zero gradient.

    Args:
        contacts: parameters.
        pose: of the bodies at the start of the step, components (bodies,).
        free: velocities with which the bodies move until surfaces meet.
        timestep: [s].
    """
    a, b = contacts.body_a, contacts.body_b
    position, rotation = pose
    with_ground = column([body == WORLD for body in b], position.x)
    # The centres of the spheres. A world's rotation is read as zero: so is its sphere's centre.
    arm_a = rotation.gather(a) @ contacts.center_a
    arm_b = rotation.gather(b) @ contacts.center_b
    between = (position.gather(a) + arm_a) - (position.gather(b) + arm_b)
    spin_a, spin_b = free.angular.gather(a), free.angular.gather(b)
    swing_a, swing_b = spin_a.cross(arm_a), spin_b.cross(arm_b)
    curve = (spin_a.cross(swing_a) - spin_b.cross(swing_b)) * (0.5 * timestep)
    speed = (free.linear.gather(a) + swing_a) - (free.linear.gather(b) + swing_b)
    travel = (speed + curve) * timestep
    reach = contacts.radius_a + contacts.radius_b
    one, zero = jnp.ones_like(reach), jnp.zeros_like(reach)

    distance, _ = _length_and_direction(between)
    separation = jnp.where(with_ground, between.z, distance) - reach

    # Time of impact: the plane is met when z + τ Δz = r, the sphere when |p + τ Δp| = r_a + r_b.
    quadratic = travel.squared_norm()
    half_linear = between.dot(travel)
    constant = jnp.where(with_ground, separation, (distance - reach) * (distance + reach))
    discriminant = half_linear**2 - quadratic * constant
    approaching = jnp.where(with_ground, travel.z, half_linear) < 0.0
    hits = approaching & (separation > 0.0) & (with_ground | (discriminant > 0.0))
    root = jnp.sqrt(jnp.where(hits & ~with_ground, discriminant, 1.0))
    rate = jnp.where(with_ground, -travel.z, root - half_linear)
    tau = jnp.where(hits, constant / jnp.where(hits, rate, 1.0), 0.0)
    in_flight = hits & (tau < 1.0)
    tau = jnp.where(in_flight, tau, 0.0)

    _, direction = _length_and_direction(between + travel * tau)
    normal = where(with_ground, Vec3(zero, zero, one), direction)
    tangent_1, tangent_2 = tangents(normal)
    closes = travel.dot(normal) < 0.0
    return ContactFrame(
        separation=separation,
        time_of_impact=tau,
        meets=in_flight | (separation < 0.0) | ((separation <= 0.0) & closes),
        normal=normal,
        tangent_1=tangent_1,
        tangent_2=tangent_2,
        offset_a=arm_a - normal * contacts.radius_a,
        offset_b=arm_b + normal * contacts.radius_b,
        sweep=normal.dot(curve),
    )


def _length_and_direction(vector: Vec3) -> tuple[jax.Array, Vec3]:
    """Length and unit vector; 0 and (0, 0, 1) for a vector of length zero, nan where it is nan."""
    squared = vector.squared_norm()
    is_zero = squared == 0.0
    length = jnp.sqrt(jnp.where(is_zero, 1.0, squared))
    one, zero = jnp.ones_like(length), jnp.zeros_like(length)
    direction = where(is_zero, Vec3(zero, zero, one), vector * (1.0 / length))
    return jnp.where(is_zero, 0.0, length), direction
