"""Joints eliminated exactly: the bodies' velocities as those that the joints allow.

With S the axes along which the bodies may move, and rates q̇ along them,

    u = S q̇ + b,      M_q q̇ = Sᵀ M (u_free − b) + Sᵀ f h,      M_q = Sᵀ M S

u are the velocities with which bodies move through a step. A body on a joint moves along an arc,
and b = h/2 (dS/dt) q̇ makes u its chord: so the joints hold at the end of the step to third order in
h, and the joints' impulses do no work on the average (they turn the velocity from one chord to the
next as SHAKE does, instead of taking away at every step what points off the arc).

M_q = Lᵀ L is factored from the leaves to the roots along the tree, which creates no new entries: a
degree of freedom is coupled only to those above it. The solver works on z = L q̇. There, a row with
Jacobian J has the response y = L⁻ᵀ (J S)ᵀ both ways: its velocity is y·z and its impulse λ adds y λ
to z. A body without joints is a tree of its own with M_q = M. So the same few functions serve the
whole range from nothing eliminated (maximal coordinates: every joint is a row) to everything.

Spatial vectors are taken about the centre of mass of the tree's root, which keeps the numbers small
wherever the robot is.

Source: Featherstone, "Rigid Body Dynamics Algorithms", 2008, section 6.2 (composite rigid bodies)
and section 6.5 (factors of sparse inertia matrices).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.engine.bodies import Bodies, Velocities, resolved
from diffsim.engine.indexing import Reader, gather, scatter_add
from diffsim.engine.joints import JOINT_TYPES, Axis, JointFrames, Joints, rates
from diffsim.engine.pytrees import pytree, static
from diffsim.engine.tree import FREE, NONE, Slot, Tree, ancestry, joints_by_type, slots
from diffsim.engine.vectors import Mat3, Sym3, Vec3, point_inertia

Spatial = tuple[Vec3, Vec3]
"""Linear and angular part, about the tree's origin: of a velocity, or of a momentum or impulse."""


class SpatialInertia(NamedTuple):
    """Inertia about the tree's origin: mass, first moment m c, and rotational inertia."""

    mass: jax.Array
    moment: Vec3
    inertia: Sym3

    def times(self, velocity: Spatial) -> Spatial:
        """Linear and angular momentum."""
        linear, angular = velocity
        return (
            linear * self.mass + angular.cross(self.moment),
            self.inertia @ angular + self.moment.cross(linear),
        )

    def scatter_add(self, index: Sequence[int], update: SpatialInertia) -> SpatialInertia:
        return SpatialInertia(
            scatter_add(self.mass, index, update.mass),
            self.moment.scatter_add(index, update.moment),
            self.inertia.scatter_add(index, update.inertia),
        )


class FreeAxes(NamedTuple):
    """Six freedoms of free roots: along and about the world's axes, through the origin."""

    one: jax.Array  # (units,)

    def along(self, impulse: Spatial) -> tuple[jax.Array, ...]:
        """Sᵀ f: an impulse's or momentum's part along every axis."""
        linear, angular = impulse
        return (*linear, *angular)

    def move(self, rate: Sequence[jax.Array]) -> Spatial:
        """S q̇."""
        return Vec3(*rate[:3]), Vec3(*rate[3:])

    def momenta(self, inertia: SpatialInertia) -> tuple[Spatial, ...]:
        """I S: the momentum that a unit rate along every axis gives."""
        zero = jnp.zeros_like(self.one)
        m, (x, y, z), tensor = inertia
        left_x, left_y, left_z = -x, -y, -z
        return (
            (Vec3(m, zero, zero), Vec3(zero, z, left_y)),
            (Vec3(zero, m, zero), Vec3(left_z, zero, x)),
            (Vec3(zero, zero, m), Vec3(y, left_x, zero)),
            (Vec3(zero, left_z, y), Vec3(tensor.xx, tensor.xy, tensor.xz)),
            (Vec3(z, zero, left_x), Vec3(tensor.xy, tensor.yy, tensor.yz)),
            (Vec3(left_y, x, zero), Vec3(tensor.xz, tensor.yz, tensor.zz)),
        )

    def gather(self, index: Sequence[int]) -> FreeAxes:
        return FreeAxes(gather(self.one, index))


class JointAxes(NamedTuple):
    """Freedoms of joints: for each the velocity that a unit rate gives at the origin."""

    motions: tuple[Spatial, ...]
    zero: jax.Array  # (units,)

    def along(self, impulse: Spatial) -> tuple[jax.Array, ...]:
        """Sᵀ f: an impulse's or momentum's part along every axis."""
        return tuple(
            linear.dot(impulse[0]) + angular.dot(impulse[1]) for linear, angular in self.motions
        )

    def move(self, rate: Sequence[jax.Array]) -> Spatial:
        """S q̇."""
        linear = angular = Vec3(self.zero, self.zero, self.zero)
        for (along, about), speed in zip(self.motions, rate, strict=True):
            linear, angular = linear + along * speed, angular + about * speed
        return linear, angular

    def momenta(self, inertia: SpatialInertia) -> tuple[Spatial, ...]:
        """I S: the momentum that a unit rate along every axis gives."""
        return tuple(inertia.times(motion) for motion in self.motions)

    def gather(self, index: Sequence[int]) -> JointAxes:
        motions = (
            (linear.gather(index), angular.gather(index)) for linear, angular in self.motions
        )
        return JointAxes(tuple(motions), gather(self.zero, index))


@pytree
class Elimination:
    """The factored generalized inertia of a state.

    Attributes:
        tree: the structure.
        reach: from the tree's origin to every body's centre of mass [m], components (bodies,).
        arc: b of the module's docstring, of every body.
        axes: of every group, FreeAxes or JointAxes.
        inverse_diagonal: 1 / L_dd of every degree of freedom, shape (units,).
        below: L_de for every degree d and every degree e that it is coupled to, by (d, e).
    """

    tree: Tree = static()
    reach: Vec3
    arc: Velocities
    axes: tuple[Any, ...]
    inverse_diagonal: tuple[jax.Array, ...]
    below: dict[tuple[int, int], jax.Array]


def eliminate(
    tree: Tree,
    bodies: Bodies,
    joints: Joints,
    frames: JointFrames,
    position: Vec3,
    rotation: Mat3,
    velocity: Vec3,
    angular_velocity: Vec3,
    timestep: jax.Array,
) -> Elimination:
    """Axes of motion and the factored generalized inertia at the start of a step."""
    origin = position.gather(tree.root_of)
    reach = position - origin
    axes, arc = _axes(tree, joints, frames, position, origin, velocity, angular_velocity, timestep)
    inertia = _composite_inertia(tree, bodies, reach, rotation)
    entries = _inertia_matrix(tree, axes, inertia)
    inverse_diagonal, below = _factor(tree, entries)
    return Elimination(tree, reach, arc, axes, inverse_diagonal, below)


def whiten(system: Elimination, along: Sequence[jax.Array]) -> tuple[jax.Array, ...]:
    """L⁻ᵀ p of an impulse's parts p along all degrees of freedom."""
    result = list(along)
    for group in reversed(system.tree.groups):
        passed_on: dict[Slot, Any] = {}
        for d in reversed(group.degrees):
            result[d] = result[d] * system.inverse_diagonal[d]
            for slot in _coupled(system, d):
                change = system.below[d, slot.degree] * result[d]
                if slot.degree in group.degrees:
                    result[slot.degree] = result[slot.degree] - change
                else:
                    passed_on[slot] = passed_on.get(slot, 0.0) + change
        for slot, change in passed_on.items():
            result[slot.degree] = scatter_add(result[slot.degree], slot.units, -change)
    return tuple(result)


def rates_of(system: Elimination, z: Sequence[jax.Array]) -> tuple[jax.Array, ...]:
    """q̇ = L⁻¹ z along all degrees of freedom."""
    result: list[jax.Array] = []
    for d, entry in enumerate(z):
        for slot in _coupled(system, d):
            above = gather(result[slot.degree], slot.units)
            entry = entry - system.below[d, slot.degree] * above
        result.append(entry * system.inverse_diagonal[d])
    return tuple(result)


def velocities_of(system: Elimination, z: Sequence[jax.Array]) -> Velocities:
    """u = S q̇ + b of all bodies, q̇ = L⁻¹ z."""
    return velocities_at(system, rates_of(system, z))


def velocities_at(system: Elimination, rate: Sequence[jax.Array]) -> Velocities:
    """u = S q̇ + b of all bodies."""
    spatial: list[Spatial] = []
    for group, axes in zip(system.tree.groups, system.axes, strict=True):
        moved = axes.move([rate[d] for d in group.degrees])
        if group.parent != NONE:
            linear, angular = spatial[group.parent]
            carried = (linear.gather(group.parent_units), angular.gather(group.parent_units))
            moved = (carried[0] + moved[0], carried[1] + moved[1])
        spatial.append(moved)
    linear = by_body(system.tree, [part for part, _ in spatial])
    angular = by_body(system.tree, [part for _, part in spatial])
    return Velocities(
        linear + angular.cross(system.reach) + system.arc.linear, angular + system.arc.angular
    )


def project(
    system: Elimination, bodies: Bodies, rotation: Mat3, velocities: Velocities
) -> tuple[jax.Array, ...]:
    """z of the motion that the joints allow, with the momentum of these velocities along it.

    This is what the joints' impulses make of them: L⁻ᵀ Sᵀ M (u − b).
    """
    push = (velocities.linear - system.arc.linear) * bodies.mass
    spin = rotation.transpose_times(velocities.angular - system.arc.angular)
    twist = rotation @ (bodies.inertia @ spin) + system.reach.cross(push)
    momenta: list[Spatial] = [
        (push.gather(group.bodies), twist.gather(group.bodies)) for group in system.tree.groups
    ]
    for number in reversed(range(len(momenta))):
        group = system.tree.groups[number]
        if group.parent != NONE:
            (linear, angular), (more, turn) = momenta[group.parent], momenta[number]
            momenta[group.parent] = (
                linear.scatter_add(group.parent_units, more),
                angular.scatter_add(group.parent_units, turn),
            )
    along = [
        part
        for axes, momentum in zip(system.axes, momenta, strict=True)
        for part in axes.along(momentum)
    ]
    return whiten(system, along)


def factor_reader(system: Elimination) -> Reader:
    """Reads 1 / L_dd by the degree d, and L_de by (d, e), for ``response``."""
    return Reader({**dict(enumerate(system.inverse_diagonal)), **system.below})


def response(
    system: Elimination, factor: Reader, along: dict[Slot, jax.Array]
) -> tuple[tuple[Slot, ...], tuple[jax.Array, ...]]:
    """y = L⁻ᵀ (J S)ᵀ of several rows of one kind, slot by slot.

    Args:
        system: the factored inertia.
        factor: of the system; one for all directions that read it.
        along: the entries of J S by the slots where it is not zero, each of shape (rows,).
    """
    entries = dict(along)
    done: dict[Slot, jax.Array] = {}
    while entries:
        slot = max(entries)  # the outermost degree of freedom that is left
        value = entries.pop(slot) * factor(slot.degree, slot.units)
        done[slot] = value
        for coupled in _coupled(system, slot.degree):
            above = Slot(coupled.degree, tuple(coupled.units[unit] for unit in slot.units))
            change = value * factor((slot.degree, coupled.degree), slot.units)
            entries[above] = entries[above] - change if above in entries else -change
    order = tuple(sorted(done))
    return order, tuple(done[slot] for slot in order)


def impulse_along(
    system: Elimination, bodies: tuple[int, ...], linear: Vec3, angular: Vec3
) -> dict[Slot, jax.Array]:
    """J S of rows that push one body each, by slots.

    Args:
        bodies: one for each row, all of one group.
        linear: the impulse for λ = 1, components (rows,).
        angular: its angular impulse about the body's centre of mass.
    """
    tree = system.tree
    (group,) = {tree.group_of[body] for body in bodies}
    units = tuple(tree.unit_of[body] for body in bodies)
    impulse = (linear, angular + system.reach.gather(bodies).cross(linear))
    along: dict[Slot, jax.Array] = {}
    for number, above in ancestry(tree, group, units):
        parts = system.axes[number].gather(above).along(impulse)
        for degree, part in zip(tree.groups[number].degrees, parts, strict=True):
            along[Slot(degree, above)] = part
    return along


def by_body(tree: Tree, parts: Sequence[Vec3]) -> Vec3:
    """One vector for each body from those of each group."""
    joined = Vec3(*(jnp.concatenate(components) for components in zip(*parts, strict=True)))
    order = tree.order
    return joined.gather(tuple(order.index(body) for body in range(len(order))))


def _coupled(system: Elimination, degree: int) -> list[Slot]:
    """The degrees e that L_de is there for, and the units of e's group that belong to d's units."""
    tree = system.tree
    group = tree.group_of_degree(degree)
    everyone = tuple(range(len(tree.groups[group].bodies)))
    return [s for s in slots(tree, group, everyone) if (degree, s.degree) in system.below]


def _axes(
    tree: Tree,
    joints: Joints,
    frames: JointFrames,
    position: Vec3,
    origin: Vec3,
    velocity: Vec3,
    angular_velocity: Vec3,
    timestep: jax.Array,
) -> tuple[tuple[Any, ...], Velocities]:
    """Axes of motion of every group, and the arcs' b of every body.

    What a joint does by itself is worked out for all joints of a type at once; the accelerations
    then add up along the tree.
    """
    share = resolved(angular_velocity, timestep)
    everyone = Moving(position, velocity, angular_velocity, share)
    own: dict[int, tuple[tuple[Spatial, ...], Spatial]] = {}
    for alike in joints_by_type(tree):
        here = frames.gather(alike.joints)
        directions = JOINT_TYPES[alike.type].axes(here)
        child = tuple(joints.child[joint] for joint in alike.joints)
        center = here.anchor_child - origin.gather(child)
        motions = tuple(_motion(axis, center) for axis in directions)
        parent = tuple(joints.parent[joint] for joint in alike.joints)
        sides = everyone.gather(parent), everyone.gather(child)
        bend = _bend(directions, here.anchor_child, *sides)
        for number, units in zip(alike.groups, alike.places, strict=True):
            own[number] = jax.tree.map(partial(gather, index=units), (motions, bend))

    axes: list[Any] = []
    accelerations: list[Spatial] = []  # with q̈ = 0, linear part at the centre of mass
    for number, group in enumerate(tree.groups):
        center = position.gather(group.bodies)
        zero = jnp.zeros_like(center.x)
        if group.type == FREE:
            axes.append(FreeAxes(jnp.ones_like(zero)))
            accelerations.append((Vec3(zero, zero, zero), Vec3(zero, zero, zero)))
            continue
        motions, (linear, angular) = own[number]
        axes.append(JointAxes(motions, zero))
        if group.parent != NONE and tree.groups[group.parent].type != FREE:
            above = tree.groups[group.parent].bodies
            units = group.parent_units
            carried, turning = (part.gather(units) for part in accelerations[group.parent])
            between = center - position.gather(tuple(above[unit] for unit in units))
            linear = linear + carried + turning.cross(between)
            angular = angular + turning
        accelerations.append((linear, angular))
    half = 0.5 * timestep
    arc = Velocities(
        by_body(tree, [linear for linear, _ in accelerations]) * half,
        by_body(tree, [angular for _, angular in accelerations]) * half,
    )
    return tuple(axes), arc


class Moving(NamedTuple):
    """Bodies, where they are and how they move: all of them, or those on one side of some joints.

    Attributes:
        position, velocity, angular_velocity: components (bodies,); zero for the world.
        share: how far a step resolves their turning, shape (bodies,).
    """

    position: Vec3
    velocity: Vec3
    angular_velocity: Vec3
    share: jax.Array

    def gather(self, index: tuple[int, ...]) -> Moving:
        """The bodies at ``index``."""
        return Moving(
            self.position.gather(index),
            self.velocity.gather(index),
            self.angular_velocity.gather(index),
            gather(self.share, index),
        )


def _bend(axes: Sequence[Axis], anchor: Vec3, parent: Moving, child: Moving) -> Spatial:
    """Acceleration of the child, beyond that which its parent carries along, with q̈ = 0.

    Args:
        axes: of the joints.
        anchor: of the child, in the world [m].
        parent, child: the bodies.
    """
    linear = _centripetal(parent.angular_velocity, anchor - parent.position) * parent.share
    angular: Vec3 | None = None
    speeds = rates(
        axes,
        child.position - parent.position,
        (parent.velocity, parent.angular_velocity),
        (child.velocity, child.angular_velocity),
    )
    for axis, speed in zip(axes, speeds, strict=True):
        turner = child if axis.in_child else parent
        turning = turner.angular_velocity.cross(axis.direction) * (speed * turner.share)
        if not axis.turns:
            linear = linear + turning * 2.0
        else:
            angular = turning if angular is None else angular + turning
    arm = child.position - anchor
    linear = linear + _centripetal(child.angular_velocity, arm) * child.share
    if angular is None:
        return linear, jax.tree.map(jnp.zeros_like, linear)
    return linear + angular.cross(arm), angular


def _motion(axis: Axis, center: Vec3) -> Spatial:
    """Velocity at the origin for a unit rate; ``center`` is a point on the axis."""
    if axis.turns:
        return center.cross(axis.direction), axis.direction
    return axis.direction, jax.tree.map(jnp.zeros_like, center)


def _centripetal(angular_velocity: Vec3, offset: Vec3) -> Vec3:
    """ω × (ω × r)."""
    return angular_velocity.cross(angular_velocity.cross(offset))


def _composite_inertia(
    tree: Tree, bodies: Bodies, reach: Vec3, rotation: Mat3
) -> list[SpatialInertia]:
    """Of every group: each body with all that it carries."""
    inertia = bodies.inertia.rotated_by(rotation) + point_inertia(bodies.mass, reach)
    moment = reach * bodies.mass
    found = [
        SpatialInertia(
            gather(bodies.mass, group.bodies),
            moment.gather(group.bodies),
            inertia.gather(group.bodies),
        )
        for group in tree.groups
    ]
    for number in reversed(range(len(found))):
        group = tree.groups[number]
        if group.parent != NONE:
            found[group.parent] = found[group.parent].scatter_add(group.parent_units, found[number])
    return found


def _inertia_matrix(
    tree: Tree, axes: Sequence[Any], inertia: Sequence[SpatialInertia]
) -> dict[tuple[int, int], jax.Array]:
    """M_q by (d, e) with e above d or d itself; what is zero for sure is left out."""
    carriers = {group.parent for group in tree.groups}
    entries: dict[tuple[int, int], jax.Array] = {}
    for number, group in enumerate(tree.groups):
        momenta = axes[number].momenta(inertia[number])
        everyone = tuple(range(len(group.bodies)))
        for above, units in ancestry(tree, number, everyone):
            axes_above = axes[above].gather(units)
            for d, momentum in zip(group.degrees, momenta, strict=True):
                parts = axes_above.along(momentum)
                for e, part in zip(tree.groups[above].degrees, parts, strict=True):
                    if e <= d and not _is_zero(tree, number, above, d, e, carriers):
                        entries[d, e] = part
    return entries


def _is_zero(tree: Tree, group: int, above: int, d: int, e: int, carriers: set[int]) -> bool:
    """Structural zeros: a body's own translations, and with its rotations if it carries nothing."""
    if group != above or tree.groups[group].type != FREE or d == e:
        return False
    first = tree.groups[group].degrees[0]
    both_translations = d - first < 3 and e - first < 3
    mixed = d - first >= 3 > e - first
    return both_translations or (mixed and group not in carriers)


def _factor(
    tree: Tree, entries: dict[tuple[int, int], jax.Array]
) -> tuple[tuple[jax.Array, ...], dict[tuple[int, int], jax.Array]]:
    """Cholesky from the leaves: 1 / L_dd and L_de."""
    entries = dict(entries)
    inverse_diagonal: list[jax.Array] = [jnp.zeros(0)] * tree.degrees
    below: dict[tuple[int, int], jax.Array] = {}
    for number in reversed(range(len(tree.groups))):
        group = tree.groups[number]
        reached = slots(tree, number, tuple(range(len(group.bodies))))  # outermost first
        # What the degrees of the groups above lose, before it is summed over this group's units.
        passed_on: dict[tuple[Slot, int], Any] = {}
        for d in reversed(group.degrees):
            inverse_diagonal[d] = jax.lax.rsqrt(entries[d, d])
            coupled = [slot for slot in reached if slot.degree < d and (d, slot.degree) in entries]
            for slot in coupled:
                below[d, slot.degree] = entries[d, slot.degree] * inverse_diagonal[d]
            for i, slot in enumerate(coupled):
                for other in coupled[i:]:
                    update = below[d, slot.degree] * below[d, other.degree]
                    key = (slot.degree, other.degree)
                    if slot.degree in group.degrees:
                        entries[key] = entries[key] - update if key in entries else -update
                    else:
                        lost = passed_on.get((slot, other.degree), 0.0)
                        passed_on[slot, other.degree] = lost + update
        for (slot, e), update in passed_on.items():
            above = tree.groups[tree.group_of_degree(slot.degree)]
            zero = jnp.zeros((len(above.bodies), *update.shape[1:]), update.dtype)
            entry = entries.get((slot.degree, e), zero)
            entries[slot.degree, e] = scatter_add(entry, slot.units, -update)
    return tuple(inverse_diagonal), below
