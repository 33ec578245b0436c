"""Joints that are held by rows: soft ones, closed loops, and hard ones that are not eliminated.

All held directions of a joint are solved at once, with a full matrix K and no bounds: motion in
them is to take back a share of the joint's error,

    w⁺ + cfm λ = −erp · error / h,      λ′ = λ − (K + cfm + ε)⁻¹ (w + cfm λ − target)

and a soft joint has the erp and cfm of its spring (``diffsim.constraints.softness``). The drift has
to do the same as the velocities. Rows see anchors move along chords of their arcs, so that a joint
holds at the end of the step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from diffsim.constraints.constraint import Impulse, Piece, StepStart, Velocity
from diffsim.constraints.rows import (
    Rows,
    build_rows,
    independent_sets,
    opposite_pushes,
    own_inverse_mass,
    sum_up,
)
from diffsim.constraints.softness import soft_constraint
from diffsim.dynamics.bodies import resolved
from diffsim.joints.joint_type import JointFrames
from diffsim.joints.table import JOINT_TYPES
from diffsim.math.indexing import WORLD, gather, unstack
from diffsim.math.pytrees import pytree, static
from diffsim.math.vectors import Vec3
from diffsim.world.world import Impulses, State, World

PROXIMAL_SHARE = 1e-5
"""By which share of the bodies' own inverse mass a joint's K is enlarged. Where the other joints
hold a direction already, as those of a planar loop do, K is singular. The enlarged K only makes a
update go less far; what it converges to stays as it is."""


@pytree
class JointConstraint:
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

    @property
    def moves_back(self) -> bool:
        return False

    def ends(self, world: World) -> tuple[tuple[int, ...], ...]:
        joints = world.joints
        return tuple((joints.child[joint], joints.parent[joint]) for joint in self.joints)

    def gather(self, impulses: Impulses) -> Impulse:
        return tuple(gather(impulses.joint, which) for which in self.which)

    def scatter(self, impulse: Impulse) -> list[Piece]:
        return [
            Piece("joint", which, values) for which, values in zip(self.which, impulse, strict=True)
        ]

    def total(self, impulse: Impulse) -> Impulse:
        return impulse

    def respond(self, velocities: Velocity, impulse: Impulse) -> Impulse:
        residual = [
            w + cfm * held - target
            for w, cfm, held, target in zip(velocities, self.cfm, impulse, self.target, strict=True)
        ]
        change = cholesky_solve(self.factor, residual)
        return tuple(a - b for a, b in zip(impulse, change, strict=True))

    def for_drift(
        self, before: Velocity, after: Velocity, impulse: Impulse, previous: Impulse
    ) -> tuple[JointConstraint, Impulse]:
        return self, impulse


def build(start: StepStart) -> list[JointConstraint]:
    """Constraints for all joints that are not eliminated."""
    joints = start.world.joints
    held = [j for j, eliminated in enumerate(joints.eliminated) if not eliminated]
    first_row: dict[int, int] = {}
    count = 0
    for joint in held:
        first_row[joint] = count
        count += 6 - JOINT_TYPES[joints.types[joint]].freedoms

    kinds = [(joints.types[j], joints.parent[j] == WORLD) for j in held]
    ends = [(joints.child[j], joints.parent[j]) for j in held]
    found = []
    for members in independent_sets(start.world.tree, kinds, ends):
        index = tuple(held[member] for member in members)
        found.append(_hold(start, index, tuple(first_row[joint] for joint in index)))
    return found


def _hold(start: StepStart, index: tuple[int, ...], first: tuple[int, ...]) -> JointConstraint:
    """The constraint of joints of one type that are updated at once.

    Args:
        start: of the step.
        index: of the joints.
        first: where the impulses of each of them begin in the state.
    """
    world, state, joints = start.world, start.state, start.world.joints
    own = start.frames.gather(index)
    directions = JOINT_TYPES[joints.types[index[0]]].held(own)
    parent = tuple(joints.parent[joint] for joint in index)
    child = tuple(joints.child[joint] for joint in index)
    axes = [axis for axis, _ in directions]
    pushes = opposite_pushes(axes, child, parent, own.child.position, state.pose.position)
    rows = build_rows(start.system, pushes)
    curve = _curve_of_anchors(world, state, own, child, parent)
    rows = dataclasses.replace(rows, bias=rows.bias + pushes[0].linear.dot(curve))

    frequency = gather(joints.frequency, index)
    soft_erp, cfm_ratio = soft_constraint(
        frequency, gather(joints.damping_ratio, index), world.timestep
    )
    share = jnp.where(jnp.isinf(frequency), start.erp, soft_erp) / world.timestep
    proximal = PROXIMAL_SHARE * own_inverse_mass(world.bodies, state.pose.rotation, pushes)
    k_matrix = [unstack(row) for row in unstack(rows.delassus())]
    cfm = [cfm_ratio * row[k] for k, row in enumerate(k_matrix)]
    for k, more in enumerate(unstack(proximal)):
        k_matrix[k][k] = k_matrix[k][k] + cfm[k] + more
    return JointConstraint(
        which=tuple(tuple(place + k for place in first) for k in range(len(directions))),
        joints=index,
        rows=rows,
        target=tuple(-error * share for _, error in directions),
        cfm=tuple(cfm),
        factor=cholesky(k_matrix),
    )


def _curve_of_anchors(
    world: World,
    state: State,
    frames: JointFrames,
    child: tuple[int, ...],
    parent: tuple[int, ...],
) -> Vec3:
    """Velocity at which anchors part because both move along arcs [m/s].

    h/2 (ω × (ω × r)) of the child minus that of the parent: with it the rows hold the joints at
    the end of the step, as ``Elimination.arc`` does for the eliminated ones.
    """

    def centripetal(body: tuple[int, ...]) -> Vec3:
        omega = state.twist.angular.gather(body)
        arm = frames.child.position - state.pose.position.gather(body)
        return omega.cross(omega.cross(arm)) * resolved(omega, world.timestep)

    return (centripetal(child) - centripetal(parent)) * (0.5 * world.timestep)


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
