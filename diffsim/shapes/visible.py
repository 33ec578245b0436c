"""The protocol of shapes that cameras see: where rays meet them, in the shape's own frame.

Everything may be of one shape, components of shape (), or of another one of its kind for each ray,
components of shape (rays,).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from diffsim.math.vectors import Vec3
from diffsim.shapes.shape import Shape, Size

TINY = 1e-9
"""Least component of a direction: a ray is never exactly parallel to a face."""


class Rays(NamedTuple):
    """Rays origin + depth × direction, all of which start at one point.

    Attributes:
        origin: where they start [m].
        direction: of length one along the optical axis of the camera, so that the parameter is the
            depth [m]; components of shape (rays,).
    """

    origin: Vec3
    direction: Vec3

    def at(self, depth: jax.Array) -> Vec3:
        """The point of each ray at a depth [m]."""
        return self.origin + self.direction * depth


class Meeting(NamedTuple):
    """The points at which rays meet a surface, arrays of shape (rays,).

    Attributes:
        depth: along the optical axis [m]; where a ray just misses, that of where it comes nearest.
        inside: how far within the surface's outline, less than zero for rays that miss [m]; about,
            but its sign is exact. Infinite for a plane without edges.
        face: which one of the shape's, as it numbers them.
    """

    depth: jax.Array
    inside: jax.Array
    face: jax.Array | int


class Look(NamedTuple):
    """The place that rays see of a surface, arrays of shape (rays,).

    Attributes:
        u, v: where in its texture, from 0 to 1 over the whole width and height.
        facing: cosine between the light and the normal on the camera's side.
    """

    u: jax.Array
    v: jax.Array
    facing: jax.Array


@runtime_checkable
class VisibleShape(Shape, Protocol):
    """A shape that cameras see.

    Attributes:
        repeats: whether its texture goes on from one side to the other, as around a sphere.
    """

    repeats: bool

    def meet(self, size: Size, rays: Rays) -> Meeting:
        """Find where rays meet it from outside, also behind where they start."""

    def look(
        self, size: Size, rays: Rays, light: Vec3, face: jax.Array | int, depth: jax.Array | None
    ) -> Look:
        """Find what they see there; finite, as are its derivatives, also for rays that miss it.

        Args:
            size: its numbers.
            rays: which meet it.
            light: unit vector towards the light.
            face: which one they meet.
            depth: where on the rays, also beside the face [m]; where they meet it, if None.
        """


def look_at_face(
    size: Size, rays: Rays, light: Vec3, face: jax.Array | int, depth: jax.Array | None
) -> Look:
    """A face of a box shows the whole texture, and so does each copy of it on a plane.

    Seen from outside, u runs to the right of a face and v downwards, where z is up; on top and
    below, and on a plane, u runs along x, against it when a box is seen from below.

    Args:
        size: with the edges of a box as ``size`` [m]; of a plane the length and width of one copy,
            and a third that is not 0.
        rays: which meet it.
        light: unit vector towards the light.
        face: 0 to 5: at the positive and the negative end of x, of y, of z; 6 for a plane that is
            seen from above, 7 from below.
        depth: where on the rays, also beside the face [m]; where they meet it, if None.
    """
    edges: Vec3 = size["size"]
    axis, negative = face // 2, face % 2 == 1
    by_x, by_z, flat = axis == 0, axis >= 2, axis == 3
    side = jnp.where(negative, -1.0, 1.0)

    def normal(vector: Vec3) -> jax.Array:
        return jnp.where(by_x, vector.x, jnp.where(by_z, vector.z, vector.y))

    def across(vector: Vec3) -> jax.Array:
        return jnp.where(by_x, vector.y, vector.x)

    def along(vector: Vec3) -> jax.Array:
        return jnp.where(by_z, vector.y, vector.z)

    if depth is None:
        towards = normal(rays.direction)
        towards = jnp.where(jnp.abs(towards) < TINY, TINY, towards)
        distance = jnp.where(flat, 0.0, 0.5 * side * normal(edges))
        depth = (distance - normal(rays.origin)) / towards
    to_the_right = (across(rays.origin) + across(rays.direction) * depth) / across(edges)
    upwards = (along(rays.origin) + along(rays.direction) * depth) / along(edges)
    mirrored = negative == (axis != 1)
    u = 0.5 + jnp.where(mirrored & jnp.logical_not(flat), -to_the_right, to_the_right)
    return Look(u, 0.5 - upwards, side * normal(light))
