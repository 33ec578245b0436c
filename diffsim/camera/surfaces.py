"""Where rays meet spheres, boxes and planes, and what they see there, in the surface's own frame.

A ray is origin + depth × direction. Its direction has length one along the optical axis of the
camera, so that the parameter is the depth [m]. All rays start at one point. Everything may be of
one surface, components of shape (), or of another one for each ray, components of shape (rays,).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.math.vectors import Vec3

TINY = 1e-9
"""Of a direction's component: a ray is never exactly parallel to a face."""


class Meeting(NamedTuple):
    """Where rays meet a surface, arrays of shape (rays,).

    Attributes:
        depth: along the optical axis [m]; where a ray just misses, that of where it comes nearest.
        inside: how far within the surface's outline, less than zero for rays that miss [m]; about,
            but its sign is exact. Infinite for a plane without edges, and, less than zero, for what
            is behind the camera.
        axis: to which the face is perpendicular, 0, 1 or 2; of a plane 2.
        negative: whether it is the one at the axis' negative end, of a plane the one below.
    """

    depth: jax.Array
    inside: jax.Array
    axis: jax.Array | int
    negative: jax.Array | bool


class Look(NamedTuple):
    """What rays see of a surface, arrays of shape (rays,).

    Attributes:
        u, v: where in its texture, from 0 to 1 over the whole width and height.
        facing: cosine between the light and the normal on the camera's side.
    """

    u: jax.Array
    v: jax.Array
    facing: jax.Array


def meet_sphere(origin: Vec3, direction: Vec3, radius: jax.Array, near: jax.Array) -> Meeting:
    """Rays meet a sphere from outside.

    Args:
        origin: where the rays start [m].
        direction: of each ray, components of shape (rays,).
        radius: [m].
        near: least depth [m].
    """
    depth, beyond = _first_of_sphere(origin, direction, radius)
    inside = jnp.where(depth > near, beyond / (2.0 * radius), -jnp.inf)
    return Meeting(depth, inside, 0, False)


def meet_box(origin: Vec3, direction: Vec3, size: Vec3, near: jax.Array) -> Meeting:
    """Rays meet a box from outside; ``size`` has its edges [m], the rest is as for a sphere."""
    # Mirrored so that the ray goes along all axes: the box stays as it is.
    backwards = [d < 0.0 for d in direction]
    place = [jnp.where(back, -o, o) for back, o in zip(backwards, origin, strict=True)]
    speed = [jnp.where(jnp.abs(d) < TINY, TINY, jnp.abs(d)) for d in direction]
    half = [0.5 * edge for edge in size]
    entry = [(-h - p) / s for h, p, s in zip(half, place, speed, strict=True)]
    leave = [(h - p) / s for h, p, s in zip(half, place, speed, strict=True)]
    squares = [s**2 for s in speed]

    # Seen along the edges of one direction, the box is a rectangle and the ray a straight line.
    inside = jnp.full_like(speed[0], jnp.inf)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        reach = half[i] * speed[j] + half[j] * speed[i]
        aside = jnp.abs(place[i] * speed[j] - place[j] * speed[i])
        inside = jnp.minimum(inside, (reach - aside) / jnp.sqrt(squares[i] + squares[j]))

    by_x = (entry[0] >= entry[1]) & (entry[0] >= entry[2])
    by_y = ~by_x & (entry[1] >= entry[2])

    def entered(values: list[jax.Array]) -> jax.Array:
        """Of three values, that of the pair of faces that it enters last."""
        return jnp.where(by_x, values[0], jnp.where(by_y, values[1], values[2]))

    first = entered(entry)
    axis = jnp.where(by_x, 0, jnp.where(by_y, 1, 2))
    negative = ~jnp.where(by_x, backwards[0], jnp.where(by_y, backwards[1], backwards[2]))
    last = jnp.minimum(jnp.minimum(leave[0], leave[1]), leave[2])

    # A ray that misses it leaves one pair of faces before it enters another. Nearly parallel to the
    # former, it is beside the box where it enters the latter; nearly parallel to the latter, where
    # it has entered the others. In between, and where it just misses, the depth has no jumps.
    second = entered([jnp.maximum(entry[k - 2], entry[k - 1]) for k in range(3)])
    late = jnp.maximum(last - second, 0.0)
    beside = second + late**2 / jnp.maximum(first - second, TINY)
    left = jnp.where(
        last == leave[0], squares[0], jnp.where(last == leave[1], squares[1], squares[2])
    )
    own = entered(squares)
    between = (left * beside + own * first) / (left + own)
    depth = jnp.where(first > last, between, first)
    return Meeting(depth, jnp.where(depth > near, inside, -jnp.inf), axis, negative)


def meet_plane(
    origin: Vec3, direction: Vec3, tile: Vec3, limited: bool, near: jax.Array
) -> Meeting:
    """Rays meet the plane z = 0, from either side.

    ``tile`` has the length and width of one copy of the texture [m], of which a limited plane has
    one, around the origin, and an unlimited one has no end; the rest is as for a sphere.
    """
    down = jnp.where(jnp.abs(direction.z) < TINY, TINY, direction.z)
    depth = -origin.z / down
    reached = depth > near
    depth = jnp.where(reached, depth, near)  # where it is parallel, too
    within = jnp.full_like(depth, jnp.inf)
    if limited:
        x, y = origin.x + direction.x * depth, origin.y + direction.y * depth
        within = jnp.minimum(0.5 * tile.x - jnp.abs(x), 0.5 * tile.y - jnp.abs(y))
    return Meeting(depth, jnp.where(reached, within, -jnp.inf), 2, origin.z <= 0.0)


def look_at_sphere(origin: Vec3, direction: Vec3, light: Vec3, radius: jax.Array) -> Look:
    """u is the longitude, v the latitude."""
    depth, _ = _first_of_sphere(origin, direction, radius)
    normal = (origin + direction * depth) * (1.0 / radius)
    flat = normal.x**2 + normal.y**2
    pole = flat < 1e-12
    x, y = jnp.where(pole, 1.0, normal.x), jnp.where(pole, 0.0, normal.y)
    across = jnp.sqrt(jnp.where(pole, 1e-12, flat))
    u = jnp.arctan2(y, x) / (2.0 * math.pi) + 0.5
    v = 0.5 - jnp.arctan2(normal.z, across) / math.pi
    return Look(u, v, normal.dot(light))


def look_at_face(
    origin: Vec3,
    direction: Vec3,
    light: Vec3,
    size: Vec3,
    found: Meeting,
    thick: jax.Array | bool,
    depth: jax.Array | None = None,
) -> Look:
    """Of a box every face shows the whole texture; of a plane, ``size`` is that of one copy.

    Seen from outside, u runs to the right of a face and v downwards, where z is up; on top and
    below, and on a plane, u runs along x, against it when seen from below.

    Args:
        found: which face.
        thick: whether it is a box.
        depth: where on the rays, also beside the face [m]; where they meet it, if not given.
    """
    negative, by_x, by_z = found.negative, found.axis == 0, found.axis == 2
    side = jnp.where(negative, -1.0, 1.0)

    def normal(vector: Vec3) -> jax.Array:
        return jnp.where(by_x, vector.x, jnp.where(by_z, vector.z, vector.y))

    def across(vector: Vec3) -> jax.Array:
        return jnp.where(by_x, vector.y, vector.x)

    def along(vector: Vec3) -> jax.Array:
        return jnp.where(by_z, vector.y, vector.z)

    if depth is None:
        towards = normal(direction)
        towards = jnp.where(jnp.abs(towards) < TINY, TINY, towards)
        distance = jnp.where(thick, 0.5 * side * normal(size), 0.0)
        depth = (distance - normal(origin)) / towards
    to_the_right = (across(origin) + across(direction) * depth) / across(size)
    upwards = (along(origin) + along(direction) * depth) / along(size)
    mirrored = negative == (found.axis != 1)
    u = 0.5 + jnp.where(mirrored & (thick | (found.axis != 2)), -to_the_right, to_the_right)
    return Look(u, 0.5 - upwards, side * normal(light))


def _first_of_sphere(
    origin: Vec3, direction: Vec3, radius: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Depth of the first point on a sphere, and the half chord squared, less than zero for none."""
    squared = direction.squared_norm()
    along = origin.dot(direction)
    beyond = radius**2 - origin.squared_norm() + along**2 / squared
    met = beyond > 0.0
    half = jnp.where(met, jnp.sqrt(jnp.where(met, beyond, 1.0) / squared), 0.0)
    return -along / squared - half, beyond
