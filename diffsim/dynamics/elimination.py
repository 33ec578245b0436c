"""Joints eliminated exactly: the bodies' velocities as those that the joints allow.

With S the axes along which the bodies may move, and rates q̇ along them,

    u = S q̇ + b,      M_q q̇ = Sᵀ M (u_free − b) + Sᵀ f h,      M_q = Sᵀ M S

u are the velocities with which bodies move through a step. A body on a joint moves along an arc,
and b = h/2 (dS/dt) q̇ makes u its chord: so the joints hold at the end of the step to third order in
h, and the joints' impulses do no work on the average (they turn the velocity from one chord to the
next as SHAKE does, instead of taking away at every step what points off the arc).

M_q = Lᵀ L is factored from the leaves to the roots along the tree, which creates no new entries: a
degree of freedom is coupled only to those above it, and so it is in W = L⁻¹. The solver works on
z = L q̇. There, a row with Jacobian J has the response y = Wᵀ (J S)ᵀ both ways: its velocity is y·z
and its impulse λ adds y λ to z. A body without joints is a tree of its own with M_q = M. So the
same few functions serve the whole range from nothing eliminated (maximal coordinates: every joint
is a row) to everything.

Everything is an array with an axis for the degrees of freedom of a limb
(``diffsim.dynamics.tree``), so that the graph grows with the number of limbs on a path, not with
that of the joints. With b a limb and c, a limbs that carry it,

    L_bb = factor of M_bb − Σ Lᵀ_db L_db over the limbs d on b,      L_bc = L_bb⁻ᵀ M_bc
    W_bb = L_bb⁻¹,      W_bc = −W_bb Σ_a L_ba W_ac

Twists and wrenches are taken about the centre of mass of the tree's root, which keeps the numbers
small wherever the robot is.

Source: Featherstone, "Rigid Body Dynamics Algorithms", 2008, section 6.2 (composite rigid bodies)
and section 6.5 (factors of sparse inertia matrices).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from diffsim.dynamics.axes import (
    Moving,
    all_motions,
    arcs,
    joint_motions,
    order,
)
from diffsim.dynamics.bodies import Bodies, inertia_times, resolved
from diffsim.dynamics.tree import Slot, Tree, degrees, path
from diffsim.dynamics.tree_sums import from_above, from_below
from diffsim.joints.joint_type import JointFrames
from diffsim.joints.joints import Joints
from diffsim.math.barrier import barrier
from diffsim.math.contraction import contract
from diffsim.math.indexing import collect, gather, join, scatter_add
from diffsim.math.inverse_factor import inverse_factor
from diffsim.math.pytrees import pytree, static
from diffsim.math.spatial import Inertia, Motion, Twist, Wrench
from diffsim.math.vectors import Mat3, Vec3, point_inertia

Z = tuple[jax.Array, ...]
"""The motion of all bodies, z = L q̇: for every limb an array (degrees, units)."""


@pytree
class Elimination:
    """The factored generalized inertia of a state.

    Attributes:
        tree: the structure.
        reach: from the tree's origin to every body's centre of mass [m], components (bodies,).
        arc: b of the module's docstring, of every body.
        motions: S of the joints' degrees of freedom (``diffsim.dynamics.axes``).
        axes: S of every limb, shape (6, degrees, units): linear part, then angular.
        inverse: W by limb and a limb that carries it, or itself, shape (degrees of the one,
            degrees of the other, units of the first).
    """

    tree: Tree = static()
    reach: Vec3
    arc: Twist
    motions: Twist
    axes: tuple[jax.Array, ...]
    inverse: dict[tuple[int, int], jax.Array]


def eliminate(
    tree: Tree,
    bodies: Bodies,
    joints: Joints,
    frames: JointFrames,
    motion: Motion,
    timestep: jax.Array,
) -> Elimination:
    """Axes of motion and the factored generalized inertia at the start of a step."""
    (position, rotation), twist = motion
    origin = position.gather(tree.root_of)
    reach = position - origin
    everyone = Moving(position, twist, resolved(twist.angular, timestep))
    arc = arcs(tree, joints, frames, everyone, reach, timestep)
    motions = joint_motions(tree, frames, position, origin)
    everything = all_motions(tree, motions)

    own = Inertia(
        bodies.mass,
        reach * bodies.mass,
        bodies.inertia.rotated_by(rotation) + point_inertia(bodies.mass, reach),
    )
    carried = from_below(tree, own).gather(tuple(degree.body for degree in degrees(tree)))
    momenta = carried.times(everything)
    axes = by_limb(tree, jnp.stack([*everything.linear, *everything.angular]), axis=1)
    carrying = by_limb(tree, jnp.stack([*momenta.force, *momenta.torque]), axis=1)
    return Elimination(tree, reach, arc, motions, axes, _inverse(tree, axes, carrying))


def by_limb(tree: Tree, values: jax.Array, axis: int = 0) -> tuple[jax.Array, ...]:
    """Numbers of all degrees of freedom, limb by limb: axis (degrees,) becomes (degrees, units)."""
    found = []
    start = 0
    for limb in tree.limbs:
        count = len(limb.degrees) * limb.units
        part = jax.lax.slice_in_dim(values, start, start + count, axis=axis)
        behind = values.shape[axis + 1 :]
        found.append(part.reshape(*values.shape[:axis], len(limb.degrees), limb.units, *behind))
        start += count
    return tuple(found)


def whiten(system: Elimination, along: Z) -> Z:
    """z = Wᵀ p of an impulse's parts p along all degrees of freedom."""
    tree = system.tree
    result: list[Any] = [None] * len(tree.limbs)
    for number in reversed(range(len(tree.limbs))):
        for slot in _own_path(tree, number):
            part = contract("ki,k->i", system.inverse[number, slot.limb], along[number])
            part = collect(part, slot.units, tree.limbs[slot.limb].units, axis=1)
            known = result[slot.limb]
            result[slot.limb] = part if known is None else known + part
    return tuple(result)


def rates_of(system: Elimination, z: Z) -> jax.Array:
    """q̇ = W z of all degrees of freedom, shape (degrees,)."""
    found = []
    for number, limb in enumerate(system.tree.limbs):
        rate: Any = 0.0
        for slot in _own_path(system.tree, number):
            above = gather(z[slot.limb], slot.units, axis=1)
            rate = rate + contract("ik,k->i", system.inverse[number, slot.limb], above)
        found.append(jnp.reshape(rate, (len(limb.degrees) * limb.units, *z[number].shape[2:])))
    return join(found)


def velocities_of(system: Elimination, z: Z) -> Twist:
    """u = S q̇ + b of all bodies, q̇ = W z."""
    return velocities_at(system, rates_of(system, z))


def velocities_at(system: Elimination, rate: jax.Array) -> Twist:
    """u = S q̇ + b of all bodies, from the rates of all degrees of freedom, shape (degrees,)."""
    tree = system.tree
    layout = order(tree)
    speed = gather(rate, layout.jointed)

    def own(direction: int, motion: jax.Array) -> jax.Array:
        parts = [gather(rate, layout.free[direction])] if layout.free_bodies else []
        parts += [motion * speed] if layout.jointed else []
        return join(parts)

    owns = Twist(
        Vec3(*(own(k, part) for k, part in enumerate(system.motions.linear))),
        Vec3(*(own(3 + k, part) for k, part in enumerate(system.motions.angular))),
    )
    total = from_above(tree, owns, (*layout.free_bodies, *layout.jointed_bodies))
    return Twist(total.at(system.reach), total.angular) + system.arc


def project(system: Elimination, bodies: Bodies, rotation: Mat3, twist: Twist) -> Z:
    """z of the motion that the joints allow, with the momentum of this twist along it.

    This is what the joints' impulses make of them: Wᵀ Sᵀ M (u − b).
    """
    layout = order(system.tree)
    straight = twist - system.arc
    own = Wrench(
        straight.linear * bodies.mass, inertia_times(rotation, bodies.inertia, straight.angular)
    )
    momentum = from_below(system.tree, own.about(system.reach))
    free = [*momentum.force, *momentum.torque] if layout.free_bodies else []
    parts = [gather(part, layout.free_bodies) for part in free]
    parts += [system.motions.dot(momentum.gather(layout.jointed_bodies))]
    together = gather(jnp.concatenate(parts), layout.together)
    return whiten(system, by_limb(system.tree, together))


def _own_path(tree: Tree, limb: int) -> tuple[Slot, ...]:
    return path(tree, limb, tuple(range(tree.limbs[limb].units)))


def _inverse(
    tree: Tree, axes: tuple[jax.Array, ...], momenta: tuple[jax.Array, ...]
) -> dict[tuple[int, int], jax.Array]:
    """W from S and the momenta that a unit rate gives to all that its degree of freedom carries."""
    matrix = {
        (number, slot.limb): contract(
            "ki,kj->ij", momenta[number], gather(axes[slot.limb], slot.units, axis=2)
        )
        for number in range(len(tree.limbs))
        for slot in _own_path(tree, number)
    }
    inverse: dict[tuple[int, int], jax.Array] = {}
    below: dict[tuple[int, int], jax.Array] = {}
    for number in reversed(range(len(tree.limbs))):
        # All that follows reads it entry by entry, and so does its derivative.
        inverse[number, number] = barrier(inverse_factor(matrix[number, number]), few=True)
        carriers = _own_path(tree, number)[1:]
        for k, slot in enumerate(carriers):
            below[number, slot.limb] = contract(
                "ki,kj->ij", inverse[number, number], matrix[number, slot.limb]
            )
            for other in carriers[: k + 1]:  # which is on ``slot``, or the same
                key = (other.limb, slot.limb)
                passed_on = contract(
                    "ki,kj->ij", below[number, other.limb], below[number, slot.limb]
                )
                matrix[key] = scatter_add(matrix[key], other.units, -passed_on, axis=2)
    for number in range(len(tree.limbs)):
        carriers = _own_path(tree, number)[1:]
        for k, slot in enumerate(carriers):
            through: Any = 0.0
            for other in carriers[: k + 1]:
                above = gather(inverse[other.limb, slot.limb], other.units, axis=2)
                through = through + contract("ik,kj->ij", below[number, other.limb], above)
            inverse[number, slot.limb] = -contract("ik,kj->ij", inverse[number, number], through)
    return inverse
