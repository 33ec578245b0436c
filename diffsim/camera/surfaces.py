"""Where rays meet spheres, boxes and planes, each in the surface's own frame.

A ray is origin + depth × direction. Its direction has length one along the optical axis of the
camera, so that the parameter is the depth [m]. All rays start at one point.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.engine.vectors import Vec3

TINY = 1e-9
"""Of a direction's component: a ray is never exactly parallel to a face."""


class Hit(NamedTuple):
    """Where rays meet a surface, arrays of shape (rays,).

    Attributes:
        depth: along the optical axis [m]; where a ray just misses, that of where it comes nearest.
        inside: how far within the surface's outline, less than zero for rays that miss [m]; about,
            but its sign is exact. Infinite for a plane without edges, and, less than zero, for what
            is behind the camera.
        u, v: where in the texture, from 0 to 1 over its whole width and height.
        facing: cosine between the surface's outward normal and the light.
    """

    depth: jax.Array
    inside: jax.Array
    u: jax.Array
    v: jax.Array
    facing: jax.Array


def hit_sphere(
    origin: Vec3, direction: Vec3, light: Vec3, radius: jax.Array, near: jax.Array
) -> Hit:
    """Rays meet a sphere from outside; u is its longitude, v its latitude.

    Args:
        origin: where the rays start, in the sphere's frame [m], components of shape ().
        direction: of each ray, components of shape (rays,).
        light: unit vector towards the light, components of shape ().
        radius: [m].
        near: least depth [m].
    """
    squared = direction.squared_norm()
    along = origin.dot(direction)
    # In units of length: the half chord, squared, over the ray.
    beyond = radius**2 - origin.squared_norm() + along**2 / squared
    met = beyond > 0.0
    half = jnp.where(met, jnp.sqrt(jnp.where(met, beyond, 1.0) / squared), 0.0)
    depth = -along / squared - half
    inside = jnp.where(depth > near, beyond / (2.0 * radius), -jnp.inf)
    normal = (origin + direction * depth) * (1.0 / radius)
    flat = normal.x**2 + normal.y**2
    pole = flat < 1e-12
    x, y = jnp.where(pole, 1.0, normal.x), jnp.where(pole, 0.0, normal.y)
    across = jnp.sqrt(jnp.where(pole, 1e-12, flat))
    u = jnp.arctan2(y, x) / (2.0 * math.pi) + 0.5
    v = jnp.arctan2(normal.z, across) / math.pi + 0.5
    return Hit(depth, inside, u, 1.0 - v, normal.dot(light))


def hit_box(origin: Vec3, direction: Vec3, light: Vec3, size: Vec3, near: jax.Array) -> Hit:
    """Rays meet a box from outside; every face shows the whole texture, upright where it can.

    Args: as for a sphere; ``size`` has the edge lengths [m].
    """
    half = size * 0.5
    entry, leave, sign = [], [], []
    for o, d, h in zip(origin, direction, half, strict=True):
        d = jnp.where(jnp.abs(d) < TINY, TINY, d)
        s = jnp.where(d < 0.0, 1.0, -1.0)  # of the face through which it enters
        entry.append((s * h - o) / d)
        leave.append((-s * h - o) / d)
        sign.append(s)
    # The last of the entries is where it enters.
    enters_x = (entry[0] >= entry[1]) & (entry[0] >= entry[2])
    enters_y = ~enters_x & (entry[1] >= entry[2])
    first = jnp.where(enters_x, entry[0], jnp.where(enters_y, entry[1], entry[2]))
    last = jnp.minimum(jnp.minimum(leave[0], leave[1]), leave[2])
    inside = jnp.where(first > near, last - first, -jnp.inf)
    place = origin + direction * first
    x, y, z = (p / s + 0.5 for p, s in zip(place, size, strict=True))
    # Seen from outside with z up, u runs to the right.
    u = jnp.where(
        enters_x,
        jnp.where(sign[0] > 0.0, y, 1.0 - y),
        jnp.where(enters_y, jnp.where(sign[1] > 0.0, 1.0 - x, x), y),
    )
    v = jnp.where(enters_x | enters_y, 1.0 - z, jnp.where(sign[2] > 0.0, x, 1.0 - x))
    facing = jnp.where(
        enters_x, sign[0] * light.x, jnp.where(enters_y, sign[1] * light.y, sign[2] * light.z)
    )
    return Hit(first, inside, u, v, facing)


def hit_plane(
    origin: Vec3,
    direction: Vec3,
    light: Vec3,
    tile: Vec3,
    limited: jax.Array | bool,
    near: jax.Array,
) -> Hit:
    """Rays meet the plane z = 0, from either side; u runs along x, v against y.

    Args: as for a sphere; ``tile`` is the length and width of one copy of the texture [m], of which
        a limited plane has one, around the origin, and an unlimited one has no end.
    """
    down = jnp.where(jnp.abs(direction.z) < TINY, TINY, direction.z)
    depth = -origin.z / down
    reached = depth > near
    depth = jnp.where(reached, depth, near)  # where it is parallel, too
    x, y = origin.x + direction.x * depth, origin.y + direction.y * depth
    edge = jnp.minimum(0.5 * tile.x - jnp.abs(x), 0.5 * tile.y - jnp.abs(y))
    within = jnp.where(limited, edge, jnp.inf)
    inside = jnp.where(reached, within, -jnp.inf)
    facing = jnp.where(origin.z > 0.0, 1.0, -1.0) * light.z
    return Hit(
        depth, inside, x / tile.x + 0.5, 0.5 - y / tile.y, jnp.broadcast_to(facing, depth.shape)
    )
