"""Rows of the complementarity problem: directions of motion that are pushed or bounded.

Several rows of one kind that are updated at once make one ``Rows``: every array has one entry for
each of them. A row's velocity is w = y·z + bias, and its impulse λ adds y λ to z, with the same y
(``diffsim.dynamics.elimination``). Of y only those limbs are kept that the row pushes.

Rows that are updated at once may share degrees of freedom: the feet of a robot share its trunk.
Each of them then reckons with all the others pushing the same way: where n of them share an entry,
its square counts n times in the effective mass (mass splitting). That is an upper bound of the
coupled system, by which every update still lowers the energy that the whole solve minimises.

Source: Tonge, Benevolenski, Voroshilov, "Mass splitting for jitter-free parallel rigid body
simulation", 2012.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.dynamics.bodies import Bodies, inertia_times
from diffsim.dynamics.elimination import Elimination, Z
from diffsim.dynamics.tree import Slot, Tree, body_path, moves, path
from diffsim.joints.joint_type import Axis
from diffsim.math.contraction import contract
from diffsim.math.indexing import WORLD, column, gather, scatter_add
from diffsim.math.pytrees import pytree, static
from diffsim.math.spatial import Twist, Wrench
from diffsim.math.vectors import Mat3, Vec3, stacked


@pytree
class Rows:
    """Rows that are updated at once, with one or more directions each.

    Attributes:
        slots: limbs where y is not zero.
        splitting: for each slot and each of its degrees of freedom, how many rows of this update
            share the entry of every row.
        y: by slots, each of shape (directions, degrees, rows).
        bias: what the velocity has beyond y·z, shape (directions, rows).
    """

    slots: tuple[Slot, ...] = static()
    splitting: tuple[tuple[tuple[int, ...], ...], ...] = static()
    y: tuple[jax.Array, ...]
    bias: jax.Array

    @property
    def directions(self) -> int:
        """The number of directions of every row."""
        return self.bias.shape[0]

    def velocities(self, z: Z) -> jax.Array:
        """Velocities [m/s] or [rad/s], shape (directions, rows)."""
        parts = (
            contract("dm,m->d", y, gather(z[slot.limb], slot.units, axis=1))
            for slot, y in zip(self.slots, self.y, strict=True)
        )
        return sum(parts, start=self.bias)

    def push(self, z: Z, impulses: jax.Array) -> Z:
        """z after impulses, shape (directions, rows)."""
        pushed = list(z)
        for slot, y in zip(self.slots, self.y, strict=True):
            change = contract("dm,d->m", y, impulses)
            pushed[slot.limb] = scatter_add(pushed[slot.limb], slot.units, change, axis=1)
        return tuple(pushed)

    def inverse_mass(self, direction: int) -> jax.Array:
        """J M⁻¹ Jᵀ of a direction: velocity for a unit impulse [1/kg] or [1/(kg·m²)]."""
        return sum_up(contract("m,m->", y[direction], y[direction]) for y in self.y)

    def delassus(self) -> jax.Array:
        """J M⁻¹ Jᵀ between all directions (the Delassus matrix), with mass splitting.

        Returns:
            shape (directions, directions, rows).
        """
        total: Any = 0.0
        for y, splitting in zip(self.y, self.splitting, strict=True):
            counts = np.asarray(splitting, y.dtype)
            if counts.size == 0:  # nothing moves that the rows act on
                continue
            if (counts == counts.flat[0]).all():
                part = contract("dm,em->de", y, y)
                total = total + (part if counts.flat[0] == 1 else part * counts.flat[0])
            else:
                weighted = y * column(counts, y[0, 0])
                total = total + contract("dm,em->de", weighted, y)
        if isinstance(total, float):
            directions, rows = self.bias.shape[0], self.bias.shape[1:]
            return jnp.zeros((directions, directions, *rows), self.bias.dtype)
        return total


def together(several: Sequence[Rows]) -> Rows:
    """All directions of rows that belong together one by one."""
    if len(several) == 1:
        return several[0]
    slots = tuple(dict.fromkeys(slot for rows in several for slot in rows.slots))
    splitting, entries = [], []
    for slot in slots:
        known = [dict(zip(rows.slots, rows.y, strict=True)).get(slot) for rows in several]
        like = next(y for y in known if y is not None)
        parts = [
            jnp.zeros((rows.directions, *like.shape[1:]), like.dtype) if y is None else y
            for rows, y in zip(several, known, strict=True)
        ]
        entries.append(jnp.concatenate(parts))
        counts = [rows.splitting[rows.slots.index(slot)] for rows in several if slot in rows.slots]
        most = np.max(np.asarray(counts), axis=0)
        splitting.append(tuple(map(tuple, most.tolist())))
    bias = jnp.concatenate([rows.bias for rows in several])
    return Rows(slots, tuple(splitting), tuple(entries), bias)


class Push(NamedTuple):
    """Action of rows on one body each: the impulse for λ = 1, and about the centre of mass.

    Components have the shape (directions, rows).
    """

    bodies: tuple[int, ...]
    linear: Vec3
    angular: Vec3

    def velocity(self, twist: Twist) -> jax.Array:
        """J u of this body's part: its point's velocity along the row [m/s] or [rad/s]."""
        own = twist.gather(self.bodies)
        return self.linear.dot(own.linear) + self.angular.dot(own.angular)


def opposite_pushes(
    axes: Sequence[Axis],
    child: tuple[int, ...],
    parent: tuple[int, ...],
    point: Vec3,
    position: Vec3,
) -> tuple[Push, Push]:
    """A push along or about each axis on the child at a point, the opposite one on the parent."""
    nothing = jax.tree.map(jnp.zeros_like, axes[0].direction)
    linear = stacked([nothing if axis.linear is None else axis.linear for axis in axes])
    angular = stacked([nothing if axis.angular is None else axis.angular for axis in axes])

    def about(body: tuple[int, ...]) -> Vec3:
        return (point - position.gather(body)).cross(linear) + angular

    return Push(child, linear, about(child)), Push(parent, -linear, -about(parent))


def own_inverse_mass(bodies: Bodies, rotation: Mat3, pushes: Sequence[Push]) -> jax.Array:
    """J M⁻¹ Jᵀ if the bodies were free [1/kg] or [1/(kg·m²)], shape (directions, rows)."""
    total: Any = 0.0
    for push in pushes:
        if set(push.bodies) != {WORLD}:
            inverse_inertia = bodies.inertia.inverse().gather(push.bodies)
            turned = inertia_times(rotation.gather(push.bodies), inverse_inertia, push.angular)
            total += push.linear.squared_norm() * gather(1.0 / bodies.mass, push.bodies)
            total += push.angular.dot(turned)
    return total


def build_rows(system: Elimination, pushes: Sequence[Push]) -> Rows:
    """Rows from what they do to one body each at every end, which may be the world."""
    along: dict[Slot, jax.Array] = {}
    reached: set[tuple[Slot, int]] = set()
    bias: Any = 0.0
    for push in pushes:
        if set(push.bodies) == {WORLD}:
            continue
        for slot, part in _impulse_along(system, push).items():
            along[slot] = along[slot] + part if slot in along else part
            moved = moves(system.tree, slot, push.bodies[0])
            reached |= {(slot, degree) for degree, moves_it in enumerate(moved) if moves_it}
        bias = bias + push.velocity(system.arc)
    response = _response(system, along)
    return Rows(
        tuple(response),
        _splitting(system.tree, reached, tuple(response)),
        tuple(response.values()),
        bias,
    )


def build_coordinate_rows(system: Elimination, bodies: tuple[int, ...], coordinate: int) -> Rows:
    """Rows that push single degrees of freedom: a coordinate of eliminated joints.

    Args:
        system: the factored inertia.
        bodies: that the joints carry, all of one group.
        coordinate: which one of the joints'.
    """
    slots = body_path(system.tree, bodies)
    limb, units = slots[0]
    group = system.tree.group_of[bodies[0]]
    place = system.tree.limbs[limb].degrees.index((group, coordinate))
    y = tuple(
        gather(jax.lax.slice_in_dim(system.inverse[limb, slot.limb], place, place + 1), units, 2)
        for slot in slots
    )
    return Rows(slots, _splitting(system.tree, set(), slots), y, jnp.zeros_like(y[0][:, 0]))


def _impulse_along(system: Elimination, push: Push) -> dict[Slot, jax.Array]:
    """J S by slots, each of shape (directions, degrees, rows)."""
    tree = system.tree
    arm = system.reach.gather(push.bodies)
    impulse = Wrench(push.linear, push.angular).about(arm)
    parts = jnp.stack([*impulse.force, *impulse.torque])
    along = {}
    for slot in body_path(tree, push.bodies):
        axes = gather(system.axes[slot.limb], slot.units, axis=2)
        moved = moves(tree, slot, push.bodies[0])
        if not all(moved):
            axes = axes * column(np.asarray(moved, axes.dtype), axes[0])
        along[slot] = contract("cd,cm->dm", parts, axes)
    return along


def _response(system: Elimination, along: Mapping[Slot, jax.Array]) -> dict[Slot, jax.Array]:
    """y = Wᵀ (J S)ᵀ by slots."""
    found: dict[Slot, jax.Array] = {}
    for slot, entries in along.items():
        for above in path(system.tree, *slot):
            inverse = gather(system.inverse[slot.limb, above.limb], slot.units, axis=2)
            part = contract("de,ef->df", entries, inverse)
            found[above] = found[above] + part if above in found else part
    return found


def independent_sets(
    tree: Tree, kinds: Sequence[Hashable], bodies: Sequence[tuple[int, ...]]
) -> list[tuple[int, ...]]:
    """Sets of rows that can be updated at once: of one kind and structure, sharing no body.

    Args:
        tree: the structure.
        kinds: of every row.
        bodies: that each row pushes directly; the world does not count.
    """
    bodies = [tuple(body for body in ends if body != WORLD) for ends in bodies]
    found: dict[Hashable, list[tuple[list[int], set[int]]]] = {}
    for number, (kind, ends) in enumerate(zip(kinds, bodies, strict=True)):
        reached = [set(body_path(tree, (end,))) for end in ends]
        common = frozenset(slot.limb for slot in set.intersection(*reached))
        key = (kind, tuple(tree.group_of[end] for end in ends), common)
        for members, taken in found.setdefault(key, []):
            if not taken & set(ends):
                members.append(number)
                taken |= set(ends)
                break
        else:
            found[key].append(([number], set(ends)))
    return [
        tuple(sorted(members, key=lambda member: tree.unit_of[bodies[member][0]]))
        for colors in found.values()
        for members, _ in colors
    ]


def sum_up(parts: Iterable[Any]) -> Any:
    """Σ parts, which may be of any shapes that go together."""
    return sum(parts, start=0.0)


def _splitting(
    tree: Tree, reached: set[tuple[Slot, int]], slots: Sequence[Slot]
) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Number of rows that read an entry, for each slot, degree of freedom and row.

    Args:
        tree: the structure.
        reached: the degrees of freedom that rows reach at both ends, by slots.
        slots: to be described.
    """
    used: dict[tuple[int, int], tuple[int, ...]] = {}
    for slot, degree in reached:
        used[slot.limb, degree] = used.get((slot.limb, degree), ()) + slot.units
    return tuple(
        tuple(
            tuple(used.get((slot.limb, degree), slot.units).count(unit) for unit in slot.units)
            for degree in range(len(tree.limbs[slot.limb].degrees))
        )
        for slot in slots
    )
