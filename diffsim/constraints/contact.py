"""Contacts: a normal that pushes, and two tangents that rub.

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

An update takes the normal first, with λ ≥ 0, then both tangents in the friction cone that it
allows.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.collisions.collision import Touch
from diffsim.collisions.contacts import ContactFrame, ContactImpulse, Contacts, detect
from diffsim.constraints.constraint import Impulse, Piece, StepStart, Velocity
from diffsim.constraints.effective_mass import regularized_inverse
from diffsim.constraints.rows import Push, Rows, build_rows, independent_sets, sum_up
from diffsim.constraints.softness import soft_constraint
from diffsim.dynamics.bodies import Bodies
from diffsim.dynamics.elimination import Z, velocities_of
from diffsim.math.indexing import WORLD, column, gather, unstack
from diffsim.math.pytrees import pytree, static
from diffsim.math.spatial import Motion
from diffsim.math.vectors import stacked
from diffsim.world.world import Impulses, World

UNACCOUNTED = 1.1
"""Largest depth of a spring, as a multiple of what its last force says; beyond, it pushes back as
that says. The margin keeps the switch away from a contact that is solved exactly."""

TOUCHING = 1e-6
"""Approach in one step, as a share of both thicknesses, that is round-off and no impact."""

AT_REST = 3e-3
"""Velocity of surfaces that neither approach nor leave each other [m/s]."""

NO_CHANGE = 1e-12
"""Change of velocity in a step that counts as none where it is divided by [m/s]."""

KNOCK = 3.0
"""Velocity that others give to surfaces which do not meet by themselves, in steps of gravity, above
which it is an impact and not support that passes through a stack."""


NO_IMPULSE = 1e-15
"""Impulse [N·s] that counts as none where it is divided by: one over its square is still a number
of float32. Directions that hardly move come close to it."""


class ContactTargets(NamedTuple):
    """The demands of each contact on the solver, shapes (contacts,).

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


@pytree
class ContactConstraint:
    """Contacts: a normal, and two tangents unless they are frictionless.

    The drift: surfaces in touch move freely up to the time of impact and as after the solve from
    then on, which brings them to where the rebound has taken them, (1 − τ) h v⁺. Others may not
    close their gap to below zero. Depth beyond what the contact's spring is loaded with is taken
    back.

    Attributes:
        which: indices of the contacts.
        friction_law: "cone" or "box".
        rows: one or three directions.
        target: of the normal [m/s], with its softness and time of impact.
        slip: target of the tangents [m/s].
        friction: Coulomb coefficient.
        inverse_mass: K by pairs of directions.
        take_back: velocity that moves apart what is too deep, in the drift alone [m/s].
        scale: K that the bodies would have without joints, for ``regularized_inverse``.
        steps: impulse for a unit of velocity, along the normal and along both tangents.
        keep: share of its impulse that the normal keeps at an update which finds it at its target:
            1 but for softness, and 0 where it cannot move.
    """

    which: tuple[int, ...] = static()
    friction_law: str = static()
    rows: Rows
    target: ContactTargets
    slip: tuple[jax.Array, ...]
    friction: jax.Array
    inverse_mass: tuple[tuple[jax.Array, ...], ...]
    take_back: jax.Array
    scale: jax.Array
    steps: tuple[jax.Array, ...]
    keep: jax.Array

    @property
    def moves_back(self) -> bool:
        return True

    def ends(self, world: World) -> tuple[tuple[int, ...], ...]:
        contacts = world.contacts
        return tuple((contacts.body_a[k], contacts.body_b[k]) for k in self.which)

    def gather(self, impulses: Impulses) -> Impulse:
        count = self.rows.directions
        return tuple(gather(part, self.which) for part in impulses.contact[:count])

    def scatter(self, impulse: Impulse) -> list[Piece]:
        return [
            Piece(name, self.which, values)
            for name, values in zip(ContactImpulse._fields, impulse, strict=False)
        ]

    def total(self, impulse: Impulse) -> Impulse:
        return impulse

    def respond(self, velocities: Velocity, impulse: Impulse) -> Impulse:
        speed, *slips = velocities
        k, target = self.inverse_mass, self.target
        residual = speed - target.velocity
        normal = jnp.maximum(self.keep * impulse[0] - residual * self.steps[0], 0.0)
        if target.knock is not None:
            knocked = speed - k[0][0] * impulse[0] < target.knock
            normal = jnp.where(knocked, 0.0, normal)
        push = normal - impulse[0]
        if not slips:
            return (normal,)
        wanted = [
            held - (slip + k[row][0] * push - aim) * self.steps[1]
            for row, held, slip, aim in zip((1, 2), impulse[1:], slips, self.slip, strict=True)
        ]
        project = project_on_cone if self.friction_law == "cone" else project_on_box
        return (normal, *project(wanted[0], wanted[1], self.friction * normal))

    def for_drift(
        self, before: Velocity, after: Velocity, impulse: Impulse, previous: Impulse
    ) -> tuple[ContactConstraint, Impulse]:
        remaining = self.target.remaining
        normal, *slip = (
            (1.0 - remaining) * old + remaining * new
            for old, new in zip(before, after, strict=True)
        )
        rigid = jnp.zeros_like(self.target.cfm)
        target = self.target._replace(
            velocity=jnp.where(impulse[0] > 0.0, normal, self.target.closing) + self.take_back,
            cfm=rigid,
            knock=None,
        )
        steps, keep = contact_steps(self.inverse_mass, self.scale, rigid)
        drift = dataclasses.replace(self, target=target, slip=tuple(slip), steps=steps, keep=keep)
        # A first guess of what moves the bodies: what held before all along, the rest after τ.
        pressed = impulse[0] > NO_IMPULSE
        held = jnp.minimum(previous[0], impulse[0]) / jnp.where(pressed, impulse[0], 1.0)
        share = remaining + (1.0 - remaining) * jnp.where(pressed, held, 0.0)
        return drift, tuple(part * share for part in impulse)


def build(start: StepStart, before: Z) -> list[ContactConstraint]:
    """Constraints for all contacts.

    Args:
        start: of the step.
        before: z of the motion until surfaces meet.
    """
    world, state, contacts = start.world, start.state, start.world.contacts
    if not contacts.names:
        return []
    predicted = velocities_of(start.system, before)
    free = Motion(state.pose, predicted)
    everything = detect(contacts, world.geoms, free, world.timestep)
    pairs = list(zip(contacts.body_a, contacts.body_b, strict=True))
    kinds = [
        (b == WORLD, bare, collision, point)
        for (_, b), bare, collision, point in zip(
            pairs, contacts.frictionless, contacts.collisions, contacts.points, strict=True
        )
    ]
    return [
        _touch(start, members, jax.tree.map(partial(gather, index=members), everything), before)
        for members in independent_sets(world.tree, kinds, pairs)
    ]


def _touch(
    start: StepStart, members: tuple[int, ...], frame: ContactFrame, before: Z
) -> ContactConstraint:
    """The constraint of contacts of one kind that are updated at once, with their geometry."""
    world, state, touch = start.world, start.state, frame.touch
    chosen = world.contacts.gather(members)
    pushes = _pushes(chosen, frame)
    rows = build_rows(start.system, pushes)
    beyond = jnp.concatenate([touch.sweep[None], jnp.zeros_like(rows.bias[1:])])
    rows = dataclasses.replace(rows, bias=rows.bias + beyond)
    inverse_mass = tuple(tuple(unstack(row)) for row in unstack(rows.delassus()))
    scale = _inverse_masses(world.bodies, chosen.body_a, chosen.body_b)
    approach = Approach(
        velocity=sum_up(push.velocity(state.twist) for push in pushes)[0],
        free_velocity=rows.velocities(before)[0],
        previous_impulse=gather(state.impulses.contact.normal, members),
        inverse_mass=rows.inverse_mass(0),
        scale=scale,
        knock_speed=_knock_speed(world, chosen),
    )
    law = contact_targets(chosen, touch, approach, world.timestep)
    steps, keep = contact_steps(inverse_mass, scale, law.cfm)
    return ContactConstraint(
        which=members,
        friction_law=start.friction_law,
        rows=rows,
        target=law,
        slip=(jnp.zeros_like(law.velocity),) * (rows.directions - 1),
        friction=chosen.friction,
        inverse_mass=inverse_mass,
        take_back=start.erp * law.excess / world.timestep,
        scale=scale,
        steps=steps,
        keep=keep,
    )


def _pushes(contacts: Contacts, frame: ContactFrame) -> tuple[Push, Push]:
    """Impulses along the normal, and along the tangents if there are any, on both bodies."""
    touch = frame.touch
    ways = [touch.normal, frame.tangent_1, frame.tangent_2]
    directions = stacked(ways[:1] if contacts.frictionless[0] else ways)
    return (
        Push(contacts.body_a, directions, touch.offset_a.cross(directions)),
        Push(contacts.body_b, -directions, -touch.offset_b.cross(directions)),
    )


def _knock_speed(world: World, contacts: Contacts) -> jax.Array | None:
    """Speed beyond which others knock the surfaces together [m/s], shape (contacts,), or None.

    That is for bodies without joints, whose impacts follow each other. Joints pass an impact on
    within the step, to whatever supports the robot; a switch there would make its trajectory jump.
    """
    jointed = {*world.joints.child, *world.joints.parent} - {WORLD}
    pairs = zip(contacts.body_a, contacts.body_b, strict=True)
    free = [jointed.isdisjoint(pair) for pair in pairs]
    if not any(free):
        return None
    speed = KNOCK * world.gravity.length() * world.timestep
    return jnp.where(column(free, contacts.friction), speed, jnp.inf)


def _inverse_masses(bodies: Bodies, first: tuple[int, ...], second: tuple[int, ...]) -> jax.Array:
    """1/m of both bodies of each contact, 0 for the world [1/kg], shape (contacts,)."""
    inverse = 1.0 / bodies.mass
    return gather(inverse, first) + gather(inverse, second)


class Approach(NamedTuple):
    """The motion of surfaces towards each other along the normal, shapes (contacts,).

    Attributes:
        velocity: before the step [m/s].
        free_velocity: after the step without contact [m/s].
        previous_impulse: of the last step [N·s]: zero means that there was no contact.
        inverse_mass: J M⁻¹ Jᵀ [1/kg].
        scale: the same without joints, for ``regularized_inverse``.
        knock_speed: beyond which others knock the surfaces together [m/s], inf or None for never.
    """

    velocity: jax.Array
    free_velocity: jax.Array
    previous_impulse: jax.Array
    inverse_mass: jax.Array
    scale: jax.Array
    knock_speed: jax.Array | None


def contact_targets(
    contacts: Contacts, touch: Touch, approach: Approach, timestep: jax.Array
) -> ContactTargets:
    """The law of the module's docstring, for every contact.

    Args:
        contacts: parameters.
        touch: gap at the start of the step, and geometry at the time of impact.
        approach: motion along the normals.
        timestep: [s].
    """
    d, meets = touch.separation, touch.meets
    impact_velocity, rebound = _impact(contacts, touch, approach)
    erp, cfm = _softness(contacts, approach.inverse_mass, timestep)
    mass = regularized_inverse(approach.inverse_mass, approach.scale)
    impact_impulse = -(1.0 + contacts.restitution) * impact_velocity * mass

    # The spring pushes back as much as it has been loaded with; what is deeper is excess.
    pushed_back = -erp * jnp.minimum(d, 0.0) / timestep
    accounted = cfm * approach.previous_impulse + (1.0 - erp) * _positive_part(approach.velocity)
    bounded = jnp.maximum(accounted, 2.0 * UNACCOUNTED * accounted - pushed_back)
    recovery = jnp.where(d < 0.0, jnp.minimum(pushed_back, bounded), 0.0)

    # Surfaces that do not meet may close their gap, not more, if another contact pushes them. Along
    # the normal of now, spheres that pass each other may come closer than that by themselves.
    closing = -jnp.maximum(d, 0.0) / timestep
    closing = jnp.where(meets, closing, jnp.minimum(closing, approach.free_velocity))
    return ContactTargets(
        velocity=jnp.where(meets, jnp.maximum(rebound, recovery) + cfm * impact_impulse, closing),
        cfm=cfm,
        remaining=1.0 - touch.time_of_impact,
        closing=closing,
        excess=(pushed_back - recovery) * (timestep / erp),
        knock=_knock(contacts, approach, impact_velocity, timestep),
    )


def _impact(contacts: Contacts, touch: Touch, approach: Approach) -> tuple[jax.Array, jax.Array]:
    """Normal velocity at impact, at most 0, and that of the rebound at the end of the step [m/s].

    An impact is an arrival; surfaces pressed together since the last step are in support, and so
    are those that leave each other. Both are 0 without an impact.
    """
    v, d, tau = approach.velocity, touch.separation, touch.time_of_impact
    change = approach.free_velocity - v
    supported = approach.previous_impulse > 0.0
    arrives = touch.meets & ((d >= 0.0) | (~supported & (v < 0.0)))
    impact_velocity = jnp.where(arrives, jnp.minimum(v + (tau + 0.5) * change, 0.0), 0.0)
    leaving = -contacts.restitution * impact_velocity
    rebound = jnp.where(arrives, leaving + _rest_of_step(leaving, tau, change), 0.0)
    return impact_velocity, rebound


def _knock(
    contacts: Contacts, approach: Approach, impact_velocity: jax.Array, timestep: jax.Array
) -> jax.Array | None:
    """Normal velocity below which others have knocked surfaces together; see ``ContactTargets``."""
    if approach.knock_speed is None:
        return None
    slowly = impact_velocity * timestep > -TOUCHING * contacts.thickness
    supported = approach.previous_impulse > 0.0
    may_be_knocked = (contacts.restitution > 0.0) & ~supported & slowly
    return jnp.where(may_be_knocked, -approach.knock_speed, -jnp.inf)


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


def contact_steps(
    inverse_mass: Sequence[Sequence[jax.Array]], scale: jax.Array, cfm: jax.Array
) -> tuple[tuple[jax.Array, ...], jax.Array]:
    """Step lengths of a contact's normal and tangents, and the share that its impulse keeps.

    An update solves v + K (λ′ − λ) + c λ′ = target for the normal, so that λ′ = keep λ − step
    (v − target) with step = 1/(K + c) and keep = K/(K + c). The compliance c is the contact's own
    softness and, where joints leave the direction (nearly) without motion, what
    ``regularized_inverse`` adds.

    Args:
        inverse_mass: K by pairs of directions.
        scale: K that the bodies would have without joints [1/kg].
        cfm: softness of the normal [1/kg].
    """
    k = inverse_mass
    steps: tuple[jax.Array, ...] = (regularized_inverse(k[0][0], scale, cfm),)
    keep = k[0][0] * steps[0]
    if len(k) > 1:
        # One length for both tangents, so that the projection's fixed point is Coulomb's law.
        steps += (regularized_inverse(jnp.maximum(k[1][1], k[2][2]), scale),)
    return steps, keep


def project_on_cone(
    tangent_1: jax.Array, tangent_2: jax.Array, radius: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The nearest point in the disc of the given radius: Coulomb's cone at a normal impulse.

    On the rim the derivative is that of the outside: so a disc without a radius, that of surfaces
    apart, passes nothing on. The argument of the square root is made safe at the origin.
    """
    squared = tangent_1**2 + tangent_2**2
    outside = ~(squared < radius**2)  # true, too, where the radius is nan, which is passed on
    length = jnp.sqrt(jnp.where(squared > NO_IMPULSE**2, squared, 1.0))
    scale = jnp.where(outside, radius / length, 1.0)
    return tangent_1 * scale, tangent_2 * scale


def project_on_box(
    tangent_1: jax.Array, tangent_2: jax.Array, radius: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Each tangent by itself within ±radius: the paper's friction; up to √2 μ on the diagonal."""

    def within(tangent: jax.Array) -> jax.Array:
        return jnp.where(jnp.abs(tangent) < radius, tangent, jnp.sign(tangent) * radius)

    return within(tangent_1), within(tangent_2)
