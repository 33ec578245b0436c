"""Contacts of spheres with the ground plane z = 0 and with each other.

``detect`` finds where two surfaces are closest; ``contact_targets`` says what the solver has to
achieve there. A contact is between body a and body b, and its normal points from b to a. The
ground belongs to the immovable ``WORLD``.

The law of one contact along its normal, with relative velocity v (negative when approaching) and
accumulated impulse λ, is the complementarity condition

    v⁺ + cfm (λ − λ_impact) ≥ target   ⊥   λ ≥ 0

and the impulse acts at the *time of impact*: the fraction τ of the step after which the surfaces
meet. Velocities feel all of λ, positions only over the rest of the step, (1 − τ) of it. The speed
at impact and the target are

    v_impact = v + τ (v_free − v)
    target   = max( −e v_impact + (1 − τ)(v_free − v),  −erp · min(separation, 0) / h )

that is: rebound with restitution e at the moment of impact, then feel gravity (and other forces)
for what remains of the step; or, in resting contact, recover from penetration. When the rebound
would fall back within the same step the ball is at rest instead, so restitution needs no threshold
speed and a resting contact is quiet. The impact itself, λ_impact = (1 + e) m_eff max(−v_impact, 0),
is rigid; softness (erp, cfm) acts on the support that remains.

Why the time of impact: a rebound at the grid of time steps has the derivative of a bounce whose
moment does not depend on where the ball starts, which is wrong by 100% and makes the trajectory a
sawtooth of the initial state. With it the trajectory is continuous where an impact crosses from
one step into the next, and its derivative is the saltation matrix of the continuous bounce, to
first order in h (``docs/gradients.md``). What remains are real switches: a bounce that no longer
happens, stick to slip.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.engine.indexing import WORLD
from diffsim.engine.pytrees import pytree, static
from diffsim.engine.vectors import Vec3, where


@pytree
class Contacts:
    """Pairs of surfaces that may touch: sphere and ground, or sphere and sphere.

    Contacts are ordered by color: no two contacts of one color share a moving body, so that the
    solver can treat them at once and still be an exact Gauss-Seidel sweep.

    Attributes:
        names: one for each contact, e.g. "ball/ground".
        body_a: index of the body whose sphere touches.
        body_b: index of the other body, or ``WORLD`` for the ground.
        colors: (start, stop) of each color.
        radius_a: radius of a's sphere [m], shape (contacts,).
        radius_b: radius of b's sphere [m], 0 for the ground, shape (contacts,).
        friction: Coulomb friction coefficient, shape (contacts,).
        restitution: ratio of the speeds after and before an impact, shape (contacts,).
        frequency: natural frequency of the softened contact [Hz], inf for a hard one.
        damping_ratio: of the softened contact, 1 for critical damping.
    """

    names: tuple[str, ...] = static()
    body_a: tuple[int, ...] = static()
    body_b: tuple[int, ...] = static()
    colors: tuple[tuple[int, int], ...] = static()
    radius_a: jax.Array
    radius_b: jax.Array
    friction: jax.Array
    restitution: jax.Array
    frequency: jax.Array
    damping_ratio: jax.Array


class ContactImpulse(NamedTuple):
    """Impulses on body a in the contact's frame [N·s], each of shape (contacts,)."""

    normal: jax.Array
    tangent_1: jax.Array
    tangent_2: jax.Array


class ContactFrame(NamedTuple):
    """Geometry of the contacts, components (contacts,), all in the world frame.

    Attributes:
        separation: gap between the surfaces [m], negative when penetrating.
        normal, tangent_1, tangent_2: right-handed orthonormal frame.
        offset_a, offset_b: from the centres of mass to the contact point [m].
    """

    separation: jax.Array
    normal: Vec3
    tangent_1: Vec3
    tangent_2: Vec3
    offset_a: Vec3
    offset_b: Vec3


class ContactTargets(NamedTuple):
    """What each contact asks of the solver, shapes (contacts,).

    Attributes:
        velocity: normal velocity that v⁺ + cfm λ has to reach at least [m/s].
        cfm: constraint force mixing [1/kg].
        remaining: 1 − τ, the share of the step during which the impulse moves the bodies.
    """

    velocity: jax.Array
    cfm: jax.Array
    remaining: jax.Array


def soft_constraint(
    frequency: jax.Array, damping_ratio: jax.Array, timestep: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Error reduction (erp) and constraint force mixing (cfm, per unit of inverse mass).

    An implicitly integrated spring and damper of natural frequency f and damping ratio ζ. With
    s = 1/(2π f h): erp = 1/(1 + 2ζs), cfm = s²/(1 + 2ζs). f = inf gives 1 and 0: hard.
    Source: Catto, "Soft Constraints", GDC 2011 (his β = erp, γ = cfm / m_eff).
    """
    s = 1.0 / (2.0 * math.pi * frequency * timestep)
    erp = 1.0 / (1.0 + 2.0 * damping_ratio * s)
    return erp, s**2 * erp


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


def detect(contacts: Contacts, position: Vec3) -> ContactFrame:
    """Closest points of the surfaces of every contact.

    Spheres whose centres coincide have no normal; they get (0, 0, 1), with zero gradient.
    """
    between = position.gather(contacts.body_a) - position.gather(contacts.body_b)
    with_ground = np.asarray(contacts.body_b, int) == WORLD

    squared = between.squared_norm()
    apart = squared > 0.0
    distance = jnp.sqrt(jnp.where(apart, squared, 1.0))
    zero, one = jnp.zeros_like(distance), jnp.ones_like(distance)
    up = Vec3(zero, zero, one)
    normal = where(with_ground | ~apart, up, between * (1.0 / distance))
    gap = jnp.where(with_ground, between.z, jnp.where(apart, distance, 0.0))

    tangent_1, tangent_2 = tangents(normal)
    return ContactFrame(
        separation=gap - contacts.radius_a - contacts.radius_b,
        normal=normal,
        tangent_1=tangent_1,
        tangent_2=tangent_2,
        offset_a=normal * -contacts.radius_a,
        offset_b=normal * contacts.radius_b,
    )


def contact_targets(
    contacts: Contacts,
    frame: ContactFrame,
    normal_velocity: jax.Array,
    free_normal_velocity: jax.Array,
    previous_normal_impulse: jax.Array,
    inverse_effective_mass: jax.Array,
    timestep: jax.Array,
) -> ContactTargets:
    """The law of the module's docstring, for every contact.

    Args:
        contacts: parameters.
        frame: geometry at the start of the step.
        normal_velocity: before the step [m/s], shape (contacts,).
        free_normal_velocity: after the step without contact [m/s], shape (contacts,).
        previous_normal_impulse: of the last step [N·s]: zero means that there was no contact.
        inverse_effective_mass: J M⁻¹ Jᵀ along the normal [1/kg], shape (contacts,).
        timestep: [s].
    """
    d = frame.separation
    change = free_normal_velocity - normal_velocity
    meets = d + timestep * free_normal_velocity < 0.0

    # Time of impact: surfaces that are apart and would pass through each other in this step.
    in_flight = meets & (d > 0.0)
    travel = jnp.where(in_flight, -free_normal_velocity * timestep, 1.0)
    tau = jnp.where(in_flight, d / travel, 0.0)

    # An impact is an arrival; surfaces pressed together since the last step are in support.
    arrives = meets & ((d >= 0.0) | (previous_normal_impulse <= 0.0))
    impact_velocity = jnp.where(arrives, jnp.minimum(normal_velocity + tau * change, 0.0), 0.0)
    rebound = jnp.where(arrives, (1.0 - tau) * change - contacts.restitution * impact_velocity, 0.0)

    erp, cfm_ratio = soft_constraint(contacts.frequency, contacts.damping_ratio, timestep)
    recovery = -erp * jnp.minimum(d, 0.0) / timestep
    cfm = cfm_ratio * inverse_effective_mass
    impact_impulse = -(1.0 + contacts.restitution) * impact_velocity / inverse_effective_mass

    # Surfaces that do not meet may close their gap, not more, if another contact pushes them.
    target = jnp.where(meets, jnp.maximum(rebound, recovery) + cfm * impact_impulse, -d / timestep)
    return ContactTargets(velocity=target, cfm=jnp.where(meets, cfm, 0.0), remaining=1.0 - tau)
