"""Contacts of spheres with the ground plane z = 0 and with each other.

``detect`` finds where two surfaces are closest; ``contact_targets`` says what the solver has to
achieve there. A contact is between body a and body b, and its normal points from b to a. The
ground belongs to the immovable ``WORLD``.

The law of one contact along its normal, with relative velocity v (negative when approaching) and
accumulated impulse λ, is the complementarity condition

    v⁺ + cfm (λ − λ_impact) ≥ target   ⊥   λ ≥ 0

and the impulse acts at the *time of impact*: the fraction τ of the step after which the surfaces
meet, with the geometry of that moment. Velocities feel all of λ, positions only over the rest of
the step, (1 − τ) of it. The speed at impact and the target are

    v_impact = v + (τ + ½)(v_free − v)
    target   = max( −e v_impact + (½ − τ)(v_free − v),  erp · depth / h )

that is: rebound with restitution e at the moment of impact, then feel gravity (and other forces)
for what remains of the step; or, in resting contact, recover from penetration. The halves are there
because semi-implicit Euler's positions lie on a parabola whose velocity at the start of a step is
v + ½ (v_free − v): so a bounce without loss keeps the energy. When the rebound would fall back
within the same step the ball is at rest instead, so restitution needs no threshold speed and a
resting contact is quiet. The impact itself, λ_impact = (1 + e) m_eff max(−v_impact, 0), is rigid;
softness (erp, cfm) acts on the support that remains.

The depth that becomes velocity is the one that the spring has been loaded with, not more. An
implicit spring that has pushed with λ in the last step, and now moves with v, is as deep as

    depth = h (cfm λ + (1 − erp) v) / erp

A surface that is deeper is so because the sweeps of the last steps had not converged, as in a stack
with a heavy body on a light one. Such excess is taken back by moving the bodies apart, a share of
it in every step, which gives them no velocity: else the stack would gain energy. A rigid contact
stores nothing, and all its depth is excess.

Why the time of impact: a rebound at the grid of time steps has the derivative of a bounce whose
moment does not depend on where the ball starts, which is wrong by 100% and makes the trajectory a
sawtooth of the initial state. With it the trajectory is continuous where an impact crosses from
one step into the next, and its derivative is the saltation matrix of the continuous bounce, to
first order in h (``docs/gradients.md``). What remains are real switches: a bounce that no longer
happens, stick to slip.

Impacts of bodies without joints that cause others within the same step follow each other, one a
step: surfaces with restitution that are apart, or touch without pressing, and are knocked together
by another impact, keep their velocities until the next step, where they arrive (a ball that is
knocked against its neighbour, Newton's cradle). Positions do not overlap meanwhile. Joints pass an
impact on within its step: a robot's other feet, if knocked so, stop without a rebound.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.engine.bodies import Velocities
from diffsim.engine.effective_mass import regularized_inverse
from diffsim.engine.indexing import WORLD, column, gather
from diffsim.engine.pytrees import pytree, static
from diffsim.engine.vectors import Mat3, Vec3, where

UNACCOUNTED = 1.1
"""How much deeper than its last force says a spring may be; beyond, it pushes back as that says.
The margin keeps the switch away from a contact that is solved exactly."""

TOUCHING = 1e-6
"""Approach in one step, as a share of both radii, that is round-off and no impact."""

AT_REST = 3e-3
"""Velocity of surfaces that neither approach nor leave each other [m/s]."""

NO_CHANGE = 1e-12
"""Change of velocity in a step that counts as none where it is divided by [m/s]."""

KNOCK = 3.0
"""Velocity that others give to surfaces which do not meet by themselves, in steps of gravity, above
which it is an impact and not support that passes through a stack."""


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


class ContactTargets(NamedTuple):
    """What each contact asks of the solver, shapes (contacts,).

    Attributes:
        velocity: normal velocity that v⁺ + cfm λ has to reach at least [m/s].
        cfm: constraint force mixing [1/kg].
        remaining: 1 − τ, the share of the step during which the impulse moves the bodies.
        closing: the least normal velocity that leaves the surfaces out of each other [m/s].
        excess: depth that no force accounts for, to be taken back without velocity [m].
        knock: normal velocity below which others have knocked the surfaces together, which then
            keep it to the end of the step [m/s]; −inf or None for never.
    """

    velocity: jax.Array
    cfm: jax.Array
    remaining: jax.Array
    closing: jax.Array
    excess: jax.Array
    knock: jax.Array | None


def soft_constraint(
    frequency: jax.Array, damping_ratio: jax.Array, timestep: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Error reduction (erp) and constraint force mixing (cfm, per unit of inverse mass).

    An implicitly integrated spring and damper of natural frequency f and damping ratio ζ. With
    s = 1/(2π f h): erp = 1/(1 + 2ζs), cfm = s²/(1 + 2ζs). f = inf gives 1 and 0: hard.
    Source: Catto, "Soft Constraints", GDC 2011 (his β = erp, γ = cfm / m_eff).
    """
    rigid = jnp.isinf(frequency)
    finite = jnp.where(rigid, 1.0, frequency)  # so that no derivative is inf · 0
    s = jnp.where(rigid, 0.0, 1.0 / (2.0 * math.pi * finite * timestep))
    erp = 1.0 / (1.0 + 2.0 * damping_ratio * s)
    return erp, s**2 * erp


def _softness(
    contacts: Contacts, inverse_mass: jax.Array, timestep: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Error reduction (erp) and constraint force mixing [1/kg] of every contact.

    By a natural frequency, the stiffness is (2πf)² times the effective mass: a light body is
    carried by a soft spring, whatever presses on it. ``least_stiffness`` sets a limit to that. By a
    stiffness k and a damping c, erp = hk/(hk + c) and cfm = 1/(h (hk + c)).

    Args:
        contacts: parameters.
        inverse_mass: J M⁻¹ Jᵀ along the normals [1/kg], shape (contacts,).
        timestep: h [s].
    """
    frequency = contacts.frequency
    if contacts.least_stiffness is not None:
        squared = contacts.least_stiffness * inverse_mass / (2.0 * math.pi) ** 2
        raised = squared > frequency**2
        frequency = jnp.where(raised, jnp.sqrt(jnp.where(raised, squared, 1.0)), frequency)
    erp, cfm_ratio = soft_constraint(frequency, contacts.damping_ratio, timestep)
    cfm = cfm_ratio * inverse_mass
    if any(contacts.by_stiffness):
        given = column(contacts.by_stiffness, cfm)
        push = timestep * jnp.where(given, contacts.stiffness, 1.0)
        hardness = push + contacts.damping
        erp = jnp.where(given, push / hardness, erp)
        cfm = jnp.where(given, 1.0 / (timestep * hardness), cfm)
    return erp, cfm


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


def detect(
    contacts: Contacts, position: Vec3, rotation: Mat3, free: Velocities, timestep: jax.Array
) -> ContactFrame:
    """Separation now, and the geometry at the moment when the surfaces meet in free motion.

    Surfaces that don't meet within the step, or touch already, have the geometry of now. Spheres
    whose centres coincide have no normal; they get (0, 0, 1), with zero gradient.

    Args:
        contacts: parameters.
        position, rotation: of the bodies at the start of the step, components (bodies,).
        free: velocities with which the bodies move until surfaces meet.
        timestep: [s].
    """
    a, b = contacts.body_a, contacts.body_b
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


def contact_targets(
    contacts: Contacts,
    frame: ContactFrame,
    normal_velocity: jax.Array,
    free_normal_velocity: jax.Array,
    previous_normal_impulse: jax.Array,
    inverse_effective_mass: jax.Array,
    scale: jax.Array,
    knock_speed: jax.Array | None,
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
        scale: the same without joints, for ``regularized_inverse``.
        knock_speed: beyond which others knock the surfaces together [m/s], inf or None for never.
        timestep: [s].
    """
    d, tau, meets = frame.separation, frame.time_of_impact, frame.meets
    change = free_normal_velocity - normal_velocity

    # An impact is an arrival; surfaces pressed together since the last step are in support, and so
    # are those that leave each other.
    supported = previous_normal_impulse > 0.0
    arrives = meets & ((d >= 0.0) | (~supported & (normal_velocity < 0.0)))
    impact_velocity = jnp.where(
        arrives, jnp.minimum(normal_velocity + (tau + 0.5) * change, 0.0), 0.0
    )
    leaving = -contacts.restitution * impact_velocity
    rebound = jnp.where(arrives, leaving + _rest_of_step(leaving, tau, change), 0.0)

    erp, cfm = _softness(contacts, inverse_effective_mass, timestep)
    mass = regularized_inverse(inverse_effective_mass, scale)
    impact_impulse = -(1.0 + contacts.restitution) * impact_velocity * mass
    pushed_back = -erp * jnp.minimum(d, 0.0) / timestep
    accounted = cfm * previous_normal_impulse + (1.0 - erp) * _positive_part(normal_velocity)
    bounded = jnp.maximum(accounted, 2.0 * UNACCOUNTED * accounted - pushed_back)
    recovery = jnp.where(d < 0.0, jnp.minimum(pushed_back, bounded), 0.0)

    # Surfaces that do not meet may close their gap, not more, if another contact pushes them. Along
    # the normal of now, spheres that pass each other may come closer than that by themselves.
    closing = -jnp.maximum(d, 0.0) / timestep
    closing = jnp.where(meets, closing, jnp.minimum(closing, free_normal_velocity))
    target = jnp.where(meets, jnp.maximum(rebound, recovery) + cfm * impact_impulse, closing)
    # Surfaces that other impacts of this step knock together: their own impact follows in the next.
    knock = None
    if knock_speed is not None:
        slowly = impact_velocity * timestep > -TOUCHING * (contacts.radius_a + contacts.radius_b)
        may_be_knocked = (contacts.restitution > 0.0) & ~supported & slowly
        knock = jnp.where(may_be_knocked, -knock_speed, -jnp.inf)
    return ContactTargets(
        velocity=target,
        cfm=cfm,
        remaining=1.0 - tau,
        closing=closing,
        excess=(pushed_back - recovery) * (timestep / erp),
        knock=knock,
    )


def _positive_part(velocity: jax.Array) -> jax.Array:
    """max(v, 0) with a parabola in place of the kink, where whatever is at rest would lie."""
    near = (velocity + AT_REST) ** 2 / (4.0 * AT_REST)
    return jnp.where(jnp.abs(velocity) < AT_REST, near, jnp.maximum(velocity, 0.0))


def _rest_of_step(leaving: jax.Array, tau: jax.Array, change: jax.Array) -> jax.Array:
    """Velocity that the rest of the step, less half a step, adds to that of leaving an impact.

    (½ − τ) (v_free − v). Where forces press the surfaces together, this must not make a rebound of
    none: late in the step its positive part grows from zero with the velocity of leaving.
    """
    rest = (0.5 - tau) * change
    pressed = change < -NO_CHANGE
    share = jnp.clip(leaving / jnp.where(pressed, -change, 1.0), 0.0, 1.0)
    return jnp.where(pressed & (rest > 0.0), rest * share, rest)
