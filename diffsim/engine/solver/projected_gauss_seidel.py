"""Projected Gauss-Seidel over the rows of all contacts, a fixed number of sweeps, warm-started.

Each row i has a Jacobian J and asks for v = J·(v, ω) ≥ target − cfm λ. One visit of a row changes
its accumulated impulse by what would meet its target if nothing else changed, projects the sum
on the set allowed (λ ≥ 0 along the normal; the friction cone or box across), and applies the
difference to the bodies at once:

    Δλ = −(J v + cfm λ − target) / (J M⁻¹ Jᵀ + cfm),   λ′ = Π(λ + Δλ),   v += M⁻¹ Jᵀ (λ′ − λ)

Contacts of one color share no body and are visited together, colors in turn: a Gauss-Seidel
sweep exactly, in an order that vectorises.

The derivative goes through the sweeps. Where an impulse is clamped (no contact, sliding on the
box) its row's derivative is that of the bound.

Source: Catto, "Iterative Dynamics with Temporal Coherence", GDC 2005; Jourdan, Alart, Jean, "A
Gauss-Seidel like algorithm to solve frictional contact problems", 1998.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.engine.bodies import Bodies, Velocities, inertia_times, invert
from diffsim.engine.contacts import (
    ContactFrame,
    ContactImpulse,
    Contacts,
    ContactTargets,
    contact_targets,
)
from diffsim.engine.indexing import WORLD, gather
from diffsim.engine.vectors import Mat3, Vec3
from diffsim.engine.world import State, World

FRICTION_LAWS = ("cone", "box")


class Side(NamedTuple):
    """How one direction of the contacts acts on one of their two bodies.

    Attributes:
        linear, angular: blocks of the Jacobian J: ±axis and ±offset × axis [m].
        linear_response, angular_response: blocks of M⁻¹ Jᵀ, velocity for a unit impulse.
    """

    linear: Vec3
    angular: Vec3
    linear_response: Vec3
    angular_response: Vec3


class Row(NamedTuple):
    """One direction of every contact of a color.

    Attributes:
        sides: body a, and body b unless it is the world in all of these contacts.
        inverse_mass: J M⁻¹ Jᵀ [1/kg], shape (contacts of the color,).
    """

    sides: tuple[Side, ...]
    inverse_mass: jax.Array


class ContactGroup(NamedTuple):
    """The contacts of one color, ready for the sweeps; ``bodies`` as in each row's sides."""

    bodies: tuple[tuple[int, ...], ...]
    normal: Row
    tangent_1: Row
    tangent_2: Row
    friction: jax.Array


class RowTargets(NamedTuple):
    """What the rows of the contacts of a color ask for, each of shape (contacts of the color,).

    Attributes:
        normal: least normal velocity, J v + cfm λ ≥ normal [m/s].
        tangent_1, tangent_2: tangential velocity as far as friction can bring it about [m/s].
        cfm: constraint force mixing [1/kg].
    """

    normal: jax.Array
    tangent_1: jax.Array
    tangent_2: jax.Array
    cfm: jax.Array


class Solution(NamedTuple):
    """What the solver returns.

    Attributes:
        velocities: at the end of the step.
        drift: mean over the step, with which positions move.
        impulse: accumulated contact impulses [N·s], components (contacts,).
    """

    velocities: Velocities
    drift: Velocities
    impulse: ContactImpulse


def relative_velocity(group: ContactGroup, row: Row, velocities: Velocities) -> jax.Array:
    """J v: velocity of a's contact point relative to b's along the row's direction [m/s]."""
    total = jnp.zeros_like(row.inverse_mass)
    for body, side in zip(group.bodies, row.sides, strict=True):
        total += side.linear.dot(velocities.linear.gather(body))
        total += side.angular.dot(velocities.angular.gather(body))
    return total


def apply_impulse(
    group: ContactGroup, row: Row, impulse: jax.Array, velocities: Velocities
) -> Velocities:
    """v + M⁻¹ Jᵀ λ."""
    linear, angular = velocities
    for body, side in zip(group.bodies, row.sides, strict=True):
        linear = linear.scatter_add(body, side.linear_response * impulse)
        angular = angular.scatter_add(body, side.angular_response * impulse)
    return Velocities(linear, angular)


def apply_impulses(
    group: ContactGroup, impulse: ContactImpulse, velocities: Velocities
) -> Velocities:
    """v + M⁻¹ Jᵀ λ for the normal and both tangents."""
    velocities = apply_impulse(group, group.normal, impulse.normal, velocities)
    velocities = apply_impulse(group, group.tangent_1, impulse.tangent_1, velocities)
    return apply_impulse(group, group.tangent_2, impulse.tangent_2, velocities)


def project_on_cone(
    tangent_1: jax.Array, tangent_2: jax.Array, radius: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The nearest point in the disc of the given radius: Coulomb's cone at a normal impulse.

    The argument of the square root is made safe inside the disc, where the scale is 1.
    """
    squared = tangent_1**2 + tangent_2**2
    outside = squared > radius**2
    scale = jnp.where(outside, radius / jnp.sqrt(jnp.where(outside, squared, 1.0)), 1.0)
    return tangent_1 * scale, tangent_2 * scale


def project_on_box(
    tangent_1: jax.Array, tangent_2: jax.Array, radius: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Each tangent by itself within ±radius: the paper's friction; up to √2 μ on the diagonal."""
    return jnp.clip(tangent_1, -radius, radius), jnp.clip(tangent_2, -radius, radius)


@dataclasses.dataclass(frozen=True)
class ProjectedGaussSeidel:
    """Settings of the solver; all of them are static.

    Attributes:
        iterations: sweeps over all rows in each time step.
        friction: "cone" for Coulomb's law, "box" for the paper's two independent rows.
        warm_start: begin with the impulses of the last time step instead of zero.
    """

    iterations: int = 10
    friction: str = "cone"
    warm_start: bool = True

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise ValueError(f"iterations must be at least 1, got {self.iterations}")
        if self.friction not in FRICTION_LAWS:
            raise ValueError(f"friction must be one of {FRICTION_LAWS}, got '{self.friction}'")

    def solve(self, world: World, state: State, frame: ContactFrame, free: Velocities) -> Solution:
        """Velocities that satisfy all contacts, and the impulses that bring them about.

        Args:
            world: bodies, contacts, time step.
            state: at the start of the step.
            frame: geometry of the contacts at the start of the step.
            free: velocities after the step under external forces alone.
        """
        before = Velocities(state.velocity, state.angular_velocity)
        groups, laws, warm = [], [], []
        for first, last in world.contacts.colors:
            contacts, geometry = _slice(world.contacts, first, last), _slice(frame, first, last)
            group = build_group(world.bodies, contacts, geometry, state.rotation)
            previous = _slice(state.contact_impulse, first, last)
            law = contact_targets(
                contacts,
                geometry,
                relative_velocity(group, group.normal, before),
                relative_velocity(group, group.normal, free),
                previous.normal,
                group.normal.inverse_mass,
                world.timestep,
            )
            groups.append(group)
            laws.append(law)
            warm.append(previous if self.warm_start else jax.tree.map(jnp.zeros_like, previous))

        targets = [velocity_targets(law) for law in laws]
        velocities, impulses = self._sweep(groups, targets, warm, free)

        # An impulse at the time of impact moves the bodies only over the rest of the step.
        if len(groups) > 1:
            # Bodies with several contacts: where one impact pushes against another contact, the
            # positions have to be solved for as the velocities were.
            targets = [
                drift_targets(group, law, impulse, free, velocities)
                for group, law, impulse in zip(groups, laws, impulses, strict=True)
            ]
            first_guess = [
                drift_impulse(law, impulse, previous)
                for law, impulse, previous in zip(laws, impulses, warm, strict=True)
            ]
            drift, _ = self._sweep(groups, targets, first_guess, free)
        else:
            drift = free
            for group, law, impulse in zip(groups, laws, impulses, strict=True):
                share = ContactImpulse(*(component * law.remaining for component in impulse))
                drift = apply_impulses(group, share, drift)

        return Solution(velocities, drift, _concatenate(impulses, state.contact_impulse))

    def _sweep(
        self,
        groups: list[ContactGroup],
        targets: list[RowTargets],
        impulses: list[ContactImpulse],
        free: Velocities,
    ) -> tuple[Velocities, list[ContactImpulse]]:
        """All sweeps, from given impulses; the velocities and impulses they end with."""
        velocities = free
        for group, impulse in zip(groups, impulses, strict=True):
            velocities = apply_impulses(group, impulse, velocities)

        def sweep(carry: Any, _: None) -> tuple[Any, None]:
            velocities, impulses = carry
            updated = []
            for group, target, impulse in zip(groups, targets, impulses, strict=True):
                velocities, impulse = self._visit(group, target, impulse, velocities)
                updated.append(impulse)
            return (velocities, updated), None

        if not groups:
            return velocities, []
        (velocities, impulses), _ = jax.lax.scan(
            sweep, (velocities, impulses), length=self.iterations
        )
        return velocities, impulses

    def _visit(
        self,
        group: ContactGroup,
        target: RowTargets,
        impulse: ContactImpulse,
        velocities: Velocities,
    ) -> tuple[Velocities, ContactImpulse]:
        """One visit of the contacts of a color: the normal rows, then both tangents."""
        speed = relative_velocity(group, group.normal, velocities)
        residual = speed + target.cfm * impulse.normal - target.normal
        normal = jnp.maximum(
            impulse.normal - residual / (group.normal.inverse_mass + target.cfm), 0.0
        )
        velocities = apply_impulse(group, group.normal, normal - impulse.normal, velocities)

        slip_1 = relative_velocity(group, group.tangent_1, velocities) - target.tangent_1
        slip_2 = relative_velocity(group, group.tangent_2, velocities) - target.tangent_2
        # One step length for both, so that the projection's fixed point is Coulomb's law.
        length = 1.0 / jnp.maximum(group.tangent_1.inverse_mass, group.tangent_2.inverse_mass)
        project = project_on_cone if self.friction == "cone" else project_on_box
        tangent_1, tangent_2 = project(
            impulse.tangent_1 - slip_1 * length,
            impulse.tangent_2 - slip_2 * length,
            group.friction * normal,
        )
        velocities = apply_impulse(
            group, group.tangent_1, tangent_1 - impulse.tangent_1, velocities
        )
        velocities = apply_impulse(
            group, group.tangent_2, tangent_2 - impulse.tangent_2, velocities
        )
        return velocities, ContactImpulse(normal, tangent_1, tangent_2)


def velocity_targets(law: ContactTargets) -> RowTargets:
    """What the velocities at the end of the step have to reach: the law, and no slip."""
    nothing = jnp.zeros_like(law.velocity)
    return RowTargets(law.velocity, nothing, nothing, law.cfm)


def drift_impulse(
    law: ContactTargets, impulse: ContactImpulse, previous: ContactImpulse
) -> ContactImpulse:
    """A first guess of what moves the bodies: what held before all along, the rest after τ."""
    pressed = impulse.normal > 0.0
    held = jnp.minimum(previous.normal, impulse.normal)
    held_share = jnp.where(pressed, held / jnp.where(pressed, impulse.normal, 1.0), 0.0)
    share = held_share + (1.0 - held_share) * law.remaining
    return ContactImpulse(*(component * share for component in impulse))


def drift_targets(
    group: ContactGroup,
    law: ContactTargets,
    impulse: ContactImpulse,
    free: Velocities,
    velocities: Velocities,
) -> RowTargets:
    """What the mean velocities over the step have to reach, with which the positions move.

    In touch: the free velocity up to the time of impact and the final one from then on. Along the
    normal this brings surfaces to where the rebound has taken them, (1 − τ) h v⁺. Elsewhere: no gap
    may close to below zero.
    """
    remaining = law.remaining

    def blend(row: Row) -> jax.Array:
        return (1.0 - remaining) * relative_velocity(
            group, row, free
        ) + remaining * relative_velocity(group, row, velocities)

    return RowTargets(
        normal=jnp.where(impulse.normal > 0.0, blend(group.normal), law.closing),
        tangent_1=blend(group.tangent_1),
        tangent_2=blend(group.tangent_2),
        cfm=jnp.zeros_like(law.cfm),
    )


def build_group(
    bodies: Bodies, contacts: Contacts, frame: ContactFrame, rotation: Mat3
) -> ContactGroup:
    """Jacobians and effective masses of the contacts of one color."""
    inverse_inertia = invert(bodies.principal_inertia)
    both = ((contacts.body_a, frame.offset_a, 1.0), (contacts.body_b, frame.offset_b, -1.0))
    moving = [part for part in both if set(part[0]) != {WORLD}]

    def side(body: tuple[int, ...], offset: Vec3, sign: float, axis: Vec3) -> Side:
        # Reading the world gives zeros: no response to an impulse, as of an infinite mass.
        inverse_mass = gather(1.0 / bodies.mass, body)
        angular = offset.cross(axis) * sign
        return Side(
            linear=axis * sign,
            angular=angular,
            linear_response=axis * (inverse_mass * sign),
            angular_response=inertia_times(
                rotation.gather(body), inverse_inertia.gather(body), angular
            ),
        )

    def row(axis: Vec3) -> Row:
        sides = tuple(side(body, offset, sign, axis) for body, offset, sign in moving)
        inverse_mass = jnp.zeros_like(frame.separation)
        for s in sides:
            inverse_mass += s.linear.dot(s.linear_response) + s.angular.dot(s.angular_response)
        return Row(sides, inverse_mass)

    return ContactGroup(
        bodies=tuple(body for body, _, _ in moving),
        normal=row(frame.normal),
        tangent_1=row(frame.tangent_1),
        tangent_2=row(frame.tangent_2),
        friction=contacts.friction,
    )


def _slice(tree: Any, first: int, last: int) -> Any:
    """Contacts first:last of a pytree, the static tuples of ``Contacts`` included."""
    part = jax.tree.map(lambda leaf: leaf[..., first:last], tree)
    if isinstance(tree, Contacts):
        part = dataclasses.replace(
            part, body_a=tree.body_a[first:last], body_b=tree.body_b[first:last]
        )
    return part


def _concatenate(impulses: list[ContactImpulse], like: ContactImpulse) -> ContactImpulse:
    if not impulses:
        return like
    return ContactImpulse(*(jnp.concatenate(parts) for parts in zip(*impulses, strict=True)))
