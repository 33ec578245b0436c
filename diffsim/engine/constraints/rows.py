"""Rows of the complementarity problem: directions of motion that are pushed or bounded.

Several rows of one kind that are visited at once make one ``Rows``: every array has one entry for
each of them. A row's velocity is w = y·z + bias, and its impulse λ adds y λ to z, with the same y
(``diffsim.engine.elimination``). Of y only the entries are kept that are not zero.

Rows that are visited at once may share degrees of freedom: the feet of a robot share its trunk.
Each of them then reckons with all the others pushing the same way: where n of them share an entry,
its square counts n times in the effective mass (mass splitting). That is an upper bound of the
coupled system, by which every visit still lowers the energy that the whole solve minimises.

Source: Tonge, Benevolenski, Voroshilov, "Mass splitting for jitter-free parallel rigid body
simulation", 2012.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.engine.bodies import Bodies, inertia_times
from diffsim.engine.elimination import Elimination, factor_reader, impulse_along, response
from diffsim.engine.indexing import WORLD, Reader, column, gather, scatter_add
from diffsim.engine.joints import Axis
from diffsim.engine.pytrees import pytree, static
from diffsim.engine.tree import Slot, Tree, slots
from diffsim.engine.vectors import Mat3, Vec3

Z = tuple[jax.Array, ...]
"""The motion of all bodies, by degrees of freedom, in the coordinates of ``Elimination``."""


@pytree
class Rows:
    """Rows that are visited at once, with one or more directions each.

    Attributes:
        slots: where y is not zero.
        sharing: for each slot, how many rows of this visit share each of its entries.
        y: by directions and slots, each of shape (rows,).
        bias: by directions, what the velocity has beyond y·z, shape (rows,).
    """

    slots: tuple[Slot, ...] = static()
    sharing: tuple[tuple[int, ...], ...] = static()
    y: tuple[tuple[jax.Array, ...], ...]
    bias: tuple[jax.Array, ...]

    def velocities(self, z: Z | Reader) -> tuple[jax.Array, ...]:
        """Velocity of every direction [m/s] or [rad/s]."""
        reader = z if isinstance(z, Reader) else Reader(z)
        read = [reader(slot.degree, slot.units) for slot in self.slots]
        return tuple(
            bias + sum_up(y * r for y, r in zip(entries, read, strict=True))
            for entries, bias in zip(self.y, self.bias, strict=True)
        )

    def changes(self, impulses: Sequence[jax.Array]) -> dict[Slot, jax.Array]:
        """What an impulse in every direction adds to z, by slots."""
        return {
            slot: sum_up(
                entries[place] * impulse for entries, impulse in zip(self.y, impulses, strict=True)
            )
            for place, slot in enumerate(self.slots)
        }

    def with_bias(self, direction: int, more: jax.Array) -> Rows:
        """The same rows with more bias in one direction."""
        bias = list(self.bias)
        bias[direction] = bias[direction] + more
        return dataclasses.replace(self, bias=tuple(bias))

    def inverse_mass(self, direction: int) -> jax.Array:
        """J M⁻¹ Jᵀ of a direction: velocity for a unit impulse [1/kg] or [1/(kg·m²)]."""
        return sum_up(y * y for y in self.y[direction])

    def coupling(self, direction: int, other: Rows, its: int) -> Any:
        """The same between two directions, reckoning with the rows that share an entry.

        The other rows may be of another visit whose rows belong to these one by one; 0 if they have
        no entry in common.
        """
        theirs = dict(zip(other.slots, other.y[its], strict=True))
        total: dict[tuple[int, ...], Any] = {}
        for slot, y, count in zip(self.slots, self.y[direction], self.sharing, strict=True):
            if slot in theirs:
                total[count] = total.get(count, 0.0) + y * theirs[slot]
        return sum_up(_times(part, count) for count, part in total.items())


def push_together(z: Z, several: Sequence[Rows], impulses: Sequence[Sequence[jax.Array]]) -> Z:
    """z after impulses in every direction of several rows."""
    total: dict[Slot, Any] = {}
    for rows, of_rows in zip(several, impulses, strict=True):
        for slot, change in rows.changes(of_rows).items():
            total[slot] = total.get(slot, 0.0) + change
    pushed = list(z)
    for slot, change in total.items():
        pushed[slot.degree] = scatter_add(pushed[slot.degree], slot.units, change)
    return tuple(pushed)


class Push(NamedTuple):
    """How rows act on one body each: the impulse for λ = 1, and about the centre of mass."""

    bodies: tuple[int, ...]
    linear: Vec3
    angular: Vec3

    def velocity(self, linear: Vec3, angular: Vec3) -> jax.Array:
        """J u of this body's part: its point's velocity along the row [m/s] or [rad/s]."""
        return self.linear.dot(linear.gather(self.bodies)) + self.angular.dot(
            angular.gather(self.bodies)
        )


def opposite_pushes(
    axis: Axis, child: tuple[int, ...], parent: tuple[int, ...], point: Vec3, position: Vec3
) -> tuple[Push, Push]:
    """A push along or about an axis on the child at a point, and the opposite one on the parent."""
    d = axis.direction
    if axis.turns:
        nothing = jax.tree.map(jnp.zeros_like, d)
        return Push(child, nothing, d), Push(parent, nothing, -d)
    return (
        Push(child, d, (point - position.gather(child)).cross(d)),
        Push(parent, -d, -(point - position.gather(parent)).cross(d)),
    )


def own_inverse_mass(bodies: Bodies, rotation: Mat3, pushes: tuple[Push, ...]) -> jax.Array:
    """J M⁻¹ Jᵀ of a direction if the bodies were free [1/kg] or [1/(kg·m²)]."""
    total: Any = 0.0
    for push in pushes:
        if set(push.bodies) != {WORLD}:
            inverse_inertia = bodies.inertia.inverse().gather(push.bodies)
            turned = inertia_times(rotation.gather(push.bodies), inverse_inertia, push.angular)
            total += push.linear.squared_norm() * gather(1.0 / bodies.mass, push.bodies)
            total += push.angular.dot(turned)
    return total


def build_rows(system: Elimination, directions: Sequence[Sequence[Push]]) -> Rows:
    """Rows from what each of their directions does to the bodies, which may include the world."""
    y = []
    bias = []
    order: tuple[Slot, ...] = ()
    factor = factor_reader(system)
    for pushes in directions:
        along: dict[Slot, jax.Array] = {}
        drift: Any = 0.0
        for push in pushes:
            if set(push.bodies) == {WORLD}:
                continue
            for slot, part in impulse_along(system, *push).items():
                along[slot] = along[slot] + part if slot in along else part
            drift = drift + push.velocity(*system.arc)
        order, entries = response(system, factor, along)
        y.append(entries)
        bias.append(drift)
    return Rows(order, _sharing(order), tuple(y), tuple(bias))


def build_coordinate_rows(system: Elimination, degree: int, units: tuple[int, ...]) -> Rows:
    """Rows that push single degrees of freedom: coordinates of eliminated joints."""
    ones = jnp.ones_like(gather(system.inverse_diagonal[degree], units))
    order, entries = response(system, factor_reader(system), {Slot(degree, units): ones})
    return Rows(order, _sharing(order), (entries,), (jnp.zeros_like(ones),))


def visits(
    tree: Tree, kinds: Sequence[Hashable], bodies: Sequence[tuple[int, ...]]
) -> list[tuple[int, ...]]:
    """Which rows can be visited at once: those of one kind and structure that share no body.

    Args:
        tree: the structure.
        kinds: of every row.
        bodies: that each row pushes directly; the world does not count.
    """
    bodies = [tuple(body for body in ends if body != WORLD) for ends in bodies]
    found: dict[Hashable, list[tuple[list[int], set[int]]]] = {}
    for number, (kind, ends) in enumerate(zip(kinds, bodies, strict=True)):
        reached = [set(slots(tree, tree.group_of[end], (tree.unit_of[end],))) for end in ends]
        common = frozenset(slot.degree for slot in set.intersection(*reached))
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


def _times(array: jax.Array, counts: tuple[int, ...]) -> jax.Array:
    """Each row as many times as ``counts`` says."""
    if set(counts) == {1}:
        return array
    if len(set(counts)) == 1:
        return array * float(counts[0])
    return array * column(np.asarray(counts, array.dtype), array)


def sum_up(parts: Iterable[Any]) -> Any:
    """Σ parts, which may be of any shapes that go together."""
    return sum(parts, start=0.0)


def _sharing(order: Sequence[Slot]) -> tuple[tuple[int, ...], ...]:
    """For each slot, how many rows read the same entries of its degree of freedom."""
    used: dict[int, list[int]] = {}
    for slot in order:
        used.setdefault(slot.degree, []).extend(slot.units)
    return tuple(tuple(used[slot.degree].count(unit) for unit in slot.units) for slot in order)
