"""The kinds of rows that the solver visits, and what a visit does to each.

A visit changes the impulses λ of some rows by what would bring their velocity w to its target if
nothing else changed, projects them on the set that is allowed, and passes the change on to z:

    λ′ = Π( λ − K⁻¹ (w + cfm λ − target) ),      z′ = z + y (λ′ − λ)

``JointBlock``: all held directions of a joint at once, K a full matrix, no bounds. ``DriveBlock``:
the motor's impulse within its bounds, then what the limits still need. ``ContactBlock``: the normal
with λ ≥ 0, then both tangents in the friction cone.

Every block also says what the *drift* has to satisfy, the mean motion through the step with which
positions move: the same for joints; for drives, the velocity that an unsaturated motor has reached
and the impulse of a saturated one, and the way back to a limit that was passed; for contacts see
``ContactBlock``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from diffsim.engine.contacts import ContactTargets
from diffsim.engine.effective_mass import regularized_inverse
from diffsim.engine.motors import DriveTargets
from diffsim.engine.pytrees import pytree, static
from diffsim.engine.solver.rows import Rows, Z, sum_up

Impulse = tuple[jax.Array, ...]
"""Impulses of a block's directions [N·s] or [N·m·s], each of shape (rows,)."""

Velocity = Sequence[jax.Array]
"""Velocities of a block's directions [m/s] or [rad/s], each of shape (rows,)."""


NO_IMPULSE = 1e-15
"""Impulse [N·s] that counts as none where it is divided by: one over its square is still a number
of float32. Directions that hardly move come close to it."""


@pytree
class JointBlock:
    """Joints that are held by rows: hard ones that are not eliminated, soft ones, closed loops.

    Attributes:
        which: indices of their impulses in the state, by directions.
        joints: indices of the joints.
        rows: held directions.
        target: velocity of every direction [m/s] or [rad/s].
        cfm: constraint force mixing of every direction.
        factor: Cholesky factor of K, lower triangle by rows, with reciprocal diagonal.
    """

    which: tuple[tuple[int, ...], ...] = static()
    joints: tuple[int, ...] = static()
    rows: Rows
    target: tuple[jax.Array, ...]
    cfm: tuple[jax.Array, ...]
    factor: tuple[tuple[jax.Array, ...], ...]

    def total(self, impulse: Impulse) -> Impulse:
        """What is pushed in each direction of the rows."""
        return impulse

    def respond(self, velocities: Velocity, impulse: Impulse) -> Impulse:
        """The impulses that bring all directions to their targets."""
        residual = [
            w + cfm * held - target
            for w, cfm, held, target in zip(velocities, self.cfm, impulse, self.target, strict=True)
        ]
        change = cholesky_solve(self.factor, residual)
        return tuple(a - b for a, b in zip(impulse, change, strict=True))

    def for_drift(
        self, before: Z, after: Z, impulse: Impulse, previous: Impulse
    ) -> tuple[JointBlock, Impulse]:
        return self, impulse


@pytree
class DriveBlock:
    """Motors and limits. Impulses: of the motor, and of the limits if there are any.

    Attributes:
        which: indices of the drives.
        joints: indices of their joints.
        limited: whether the coordinates have limits.
        rows: one direction, the rate of the coordinate.
        target: what motors and limits ask for.
        inverse_mass, mass: K and its reciprocal, shape (rows,).
    """

    which: tuple[int, ...] = static()
    joints: tuple[int, ...] = static()
    limited: bool = static()
    rows: Rows
    target: DriveTargets
    inverse_mass: jax.Array
    mass: jax.Array

    def total(self, impulse: Impulse) -> Impulse:
        """What is pushed in each direction of the rows."""
        return (impulse[0] + impulse[1],) if self.limited else impulse

    def respond(self, velocities: Velocity, impulse: Impulse) -> Impulse:
        """The motor as far as its bounds allow, and the limit for what is then still needed."""
        (rate,) = velocities
        motor, *limit = impulse
        target = self.target
        wanted = motor + (target.velocity - rate) * self.mass
        new_motor = jnp.clip(wanted, target.least_impulse, target.greatest_impulse)
        if not limit:
            return (new_motor,)
        unlimited = rate + self.inverse_mass * (new_motor - motor - limit[0])
        allowed = jnp.clip(unlimited, target.least_velocity, target.greatest_velocity)
        return new_motor, (allowed - unlimited) * self.mass

    def for_drift(
        self, before: Z, after: Z, impulse: Impulse, previous: Impulse
    ) -> tuple[DriveBlock, Impulse]:
        (rate,) = self.rows.velocities(after)
        motor, target = impulse[0], self.target
        saturated = (motor <= target.least_impulse) | (motor >= target.greatest_impulse)
        drift = target._replace(
            velocity=rate,
            least_velocity=target.least_velocity + target.recovery,
            greatest_velocity=target.greatest_velocity + target.recovery,
            least_impulse=jnp.where(saturated, motor, -jnp.inf),
            greatest_impulse=jnp.where(saturated, motor, jnp.inf),
        )
        return dataclasses.replace(self, target=drift), impulse


@pytree
class ContactBlock:
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
        inverse_mass: K by pairs of directions, lower triangle by rows.
        take_back: velocity that moves apart what is too deep, in the drift alone [m/s].
        scale: K that the bodies would have without joints, for ``regularized_inverse``.
        steps: impulse for a unit of velocity, along the normal and along both tangents.
        keep: share of its impulse that the normal keeps at a visit which finds it at its target:
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

    def total(self, impulse: Impulse) -> Impulse:
        """What is pushed in each direction of the rows."""
        return impulse

    def respond(self, velocities: Velocity, impulse: Impulse) -> Impulse:
        """The normal impulse, then the tangential ones that it allows."""
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
        self, before: Z, after: Z, impulse: Impulse, previous: Impulse
    ) -> tuple[ContactBlock, Impulse]:
        remaining = self.target.remaining
        normal, *slip = (
            (1.0 - remaining) * old + remaining * new
            for old, new in zip(
                self.rows.velocities(before), self.rows.velocities(after), strict=True
            )
        )
        rigid = jnp.zeros_like(self.target.cfm)
        target = self.target._replace(
            velocity=jnp.where(impulse[0] > 0.0, normal, self.target.closing) + self.take_back,
            cfm=rigid,
            knock=None,
        )
        steps, keep = contact_steps(self.inverse_mass, self.scale, rigid)
        block = dataclasses.replace(self, target=target, slip=tuple(slip), steps=steps, keep=keep)
        # A first guess of what moves the bodies: what held before all along, the rest after τ.
        pressed = impulse[0] > NO_IMPULSE
        held = jnp.minimum(previous[0], impulse[0]) / jnp.where(pressed, impulse[0], 1.0)
        share = remaining + (1.0 - remaining) * jnp.where(pressed, held, 0.0)
        return block, tuple(part * share for part in impulse)


Block = JointBlock | DriveBlock | ContactBlock


def contact_steps(
    inverse_mass: Sequence[Sequence[jax.Array]], scale: jax.Array, cfm: jax.Array
) -> tuple[tuple[jax.Array, ...], jax.Array]:
    """Step lengths of a contact's normal and tangents, and the share that its impulse keeps.

    A visit solves v + K (λ′ − λ) + c λ′ = target for the normal, so that λ′ = keep λ − step
    (v − target) with step = 1/(K + c) and keep = K/(K + c). The compliance c is the contact's own
    softness and, where joints leave the direction (nearly) without motion, what
    ``regularized_inverse`` adds.

    Args:
        inverse_mass: K by pairs of directions, lower triangle by rows.
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


def cholesky(matrix: Sequence[Sequence[jax.Array]]) -> tuple[tuple[jax.Array, ...], ...]:
    """Cholesky factor of small matrices, lower triangle by rows, with reciprocal diagonal."""
    factor: list[list[jax.Array]] = []
    for i, row in enumerate(matrix):
        new: list[Any] = []
        for j in range(i):
            dot = sum_up(new[k] * factor[j][k] for k in range(j))
            new.append((row[j] - dot) * factor[j][j])
        squared = row[i] - sum_up(entry * entry for entry in new)
        factor.append([*new, jax.lax.rsqrt(squared)])
    return tuple(tuple(row) for row in factor)


def cholesky_solve(
    factor: Sequence[Sequence[jax.Array]], right: Sequence[jax.Array]
) -> list[jax.Array]:
    """The solution of K x = right."""
    count = len(right)
    x = list(right)
    for i in range(count):
        for j in range(i):
            x[i] = x[i] - factor[i][j] * x[j]
        x[i] = x[i] * factor[i][i]
    for i in reversed(range(count)):
        for j in range(i + 1, count):
            x[i] = x[i] - factor[j][i] * x[j]
        x[i] = x[i] * factor[i][i]
    return x
