"""Contacts: records of two geoms that may touch, and where they do.

A contact is between geom a and geom b, and its normal points from b to a. How two shapes touch is
said by pairs (``diffsim.collisions.collision``), what happens there by the law of
``diffsim.constraints.contact``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.collisions.collision import GeomMotion, Touch
from diffsim.collisions.table import COLLISIONS
from diffsim.math.indexing import gather, join
from diffsim.math.pytrees import pytree, static
from diffsim.math.spatial import Motion
from diffsim.math.vectors import Vec3, where
from diffsim.shapes.geoms import Geoms

if TYPE_CHECKING:
    from jaxtyping import Float

RECORDS = (
    *("names", "collisions", "points", "geom_a", "geom_b", "body_a", "body_b"),
    *("frictionless", "by_stiffness"),
)


@pytree
class Contacts:
    """Points at which two geoms may touch, with friction, restitution and softness.

    Attributes:
        names: for people, e.g. "ball/ground".
        collisions: keys of ``diffsim.collisions.table.COLLISIONS``.
        points: which of the collision's points each is.
        geom_a, geom_b: indices of the geoms.
        body_a, body_b: indices of the bodies that carry them, or ``WORLD``.
        frictionless: whether the contact has no tangential directions at all.
        by_stiffness: whether stiffness and damping say how soft the contact is, and no frequency.
        thickness: of both geoms together [m], shape (contacts,), as are all numbers.
        friction: Coulomb friction coefficient.
        restitution: ratio of the speeds after and before an impact.
        frequency: natural frequency of the softened contact [Hz], inf for a hard one.
        damping_ratio: of the softened contact, 1 for critical damping.
        stiffness, damping: [N/m], [N·s/m].
        least_stiffness: below which a frequency does not let the stiffness fall [N/m]; None for no
            such limit.
    """

    names: tuple[str, ...] = static()
    collisions: tuple[str, ...] = static()
    points: tuple[int, ...] = static()
    geom_a: tuple[int, ...] = static()
    geom_b: tuple[int, ...] = static()
    body_a: tuple[int, ...] = static()
    body_b: tuple[int, ...] = static()
    frictionless: tuple[bool, ...] = static()
    by_stiffness: tuple[bool, ...] = static()
    thickness: Float[jax.Array, "contacts *robots"]
    friction: Float[jax.Array, "contacts *robots"]
    restitution: Float[jax.Array, "contacts *robots"]
    frequency: Float[jax.Array, "contacts *robots"]
    damping_ratio: Float[jax.Array, "contacts *robots"]
    stiffness: Float[jax.Array, "contacts *robots"]
    damping: Float[jax.Array, "contacts *robots"]
    least_stiffness: Float[jax.Array, "contacts *robots"] | None

    def gather(self, index: tuple[int, ...]) -> Contacts:
        """The contacts at ``index``."""
        records = {name: tuple(getattr(self, name)[k] for k in index) for name in RECORDS}
        numbers = jax.tree.map(lambda leaf: gather(leaf, index), self)
        return dataclasses.replace(numbers, **records)


class ContactImpulse(NamedTuple):
    """Impulses on body a in the contact's frame [N·s], each of shape (contacts,)."""

    normal: Float[jax.Array, "contacts *robots"]
    tangent_1: Float[jax.Array, "contacts *robots"]
    tangent_2: Float[jax.Array, "contacts *robots"]


class ContactFrame(NamedTuple):
    """Geometry of the contacts, components (contacts,), all in the world frame.

    Attributes:
        touch: gap, time of impact, normal, and the contact point on both bodies.
        tangent_1, tangent_2: with the normal a right-handed orthonormal frame.
    """

    touch: Touch
    tangent_1: Vec3
    tangent_2: Vec3


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


def detect(contacts: Contacts, geoms: Geoms, motion: Motion, timestep: jax.Array) -> ContactFrame:
    """Separation now, and the geometry at the moment when the surfaces meet in free motion.

    Surfaces that don't meet within the step, or touch already, have the geometry of now.

    Args:
        contacts, geoms: parameters; at least one contact.
        motion: poses of the bodies at the start of the step, and velocities with which they move
            until surfaces meet.
        timestep: h [s].
    """
    parts: list[Touch] = []
    places: list[int] = []
    for name in dict.fromkeys(contacts.collisions):
        alike = [k for k, other in enumerate(contacts.collisions) if other == name]
        pairs = tuple(dict.fromkeys((contacts.geom_a[k], contacts.geom_b[k]) for k in alike))
        first, second = (
            _moving(geoms, tuple(pair[side] for pair in pairs), motion, timestep) for side in (0, 1)
        )
        for point, found in enumerate(COLLISIONS[name].detect(first, second)):
            # The world's planes are the same for all robots; contacts are not.
            whole = found.separation.shape
            parts.append(jax.tree.map(lambda leaf, to=whole: jnp.broadcast_to(leaf, to), found))
            places += [
                k
                for pair in pairs
                for k in alike
                if (contacts.geom_a[k], contacts.geom_b[k], contacts.points[k]) == (*pair, point)
            ]
    order = tuple(places.index(k) for k in range(len(places)))
    touch: Touch = jax.tree.map(lambda *pieces: gather(join(pieces), order), *parts)
    return ContactFrame(touch, *tangents(touch.normal))


def _moving(
    geoms: Geoms, index: tuple[int, ...], motion: Motion, timestep: jax.Array
) -> GeomMotion:
    """Geoms of one shape with the motion of their bodies."""
    bodies = tuple(geoms.bodies[k] for k in index)
    own = motion.gather(bodies)
    pose, size = geoms.pose.gather(index), geoms.size(index)
    return GeomMotion(bodies, own.pose, pose, own.twist, size, timestep)
