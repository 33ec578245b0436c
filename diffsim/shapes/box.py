"""The box, by its edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.math.vectors import Vec3
from diffsim.shapes.mesh import Mesh, flat_faces
from diffsim.shapes.shape import Size
from diffsim.shapes.visible import TINY, Meeting, Rays, look_at_face
from diffsim.tables import Parameter


class Box:
    """A block with the edges ``size`` along the axes of its frame."""

    needs: tuple[str, ...] = ("size",)
    parameters: Mapping[str, Parameter] = {}
    solid = True
    repeats = False

    def volume(self, size: Size) -> jax.Array:
        edges: Vec3 = size["size"]
        return edges.x * edges.y * edges.z

    def inertia(self, size: Size, mass: jax.Array) -> Vec3:
        """m (b² + c²) / 12 and cyclic."""
        xx, yy, zz = (edge**2 for edge in size["size"])
        twelfth = mass / 12.0
        return Vec3(twelfth * (yy + zz), twelfth * (xx + zz), twelfth * (xx + yy))

    def extents(self, size: Size) -> Vec3:
        edges: Vec3 = size["size"]
        return edges * 0.5

    def thickness(self, size: Size) -> jax.Array:
        edges: Vec3 = size["size"]
        return 0.5 * jnp.minimum(jnp.minimum(edges.x, edges.y), edges.z)

    def mesh(self, size: Size) -> Mesh:
        half = 0.5 * np.array([float(edge) for edge in size["size"]])
        faces = []
        for axis in range(3):
            across, along = np.eye(3)[axis - 2], np.eye(3)[axis - 1]
            for side in (1.0, -1.0):
                turns = [(-side, -1.0), (side, -1.0), (side, 1.0), (-side, 1.0)]
                faces.append([side * np.eye(3)[axis] + a * across + b * along for a, b in turns])
        return flat_faces(half * np.array(faces))

    def meet(self, size: Size, rays: Rays) -> Meeting:
        """Meet the box between the faces that a ray enters last and leaves first."""
        # Mirrored so that the ray goes along all axes: the box stays as it is.
        backwards = [d < 0.0 for d in rays.direction]
        place = [jnp.where(back, -o, o) for back, o in zip(backwards, rays.origin, strict=True)]
        speed = [jnp.where(jnp.abs(d) < TINY, TINY, jnp.abs(d)) for d in rays.direction]
        half = [0.5 * edge for edge in size["size"]]
        entry = [(-h - p) / s for h, p, s in zip(half, place, speed, strict=True)]
        leave = [(h - p) / s for h, p, s in zip(half, place, speed, strict=True)]
        by_x = (entry[0] >= entry[1]) & (entry[0] >= entry[2])
        by_y = ~by_x & (entry[1] >= entry[2])

        def entered(values: list[jax.Array]) -> jax.Array:
            """Choose that of three values which belongs to the faces that it enters last."""
            return jnp.where(by_x, values[0], jnp.where(by_y, values[1], values[2]))

        face = 2 * jnp.where(by_x, 0, jnp.where(by_y, 1, 2)) + ~entered(backwards)
        inside = _within_outline(half, place, speed)
        return Meeting(_depth(entry, leave, speed, entered), inside, face)

    look = staticmethod(look_at_face)


def _within_outline(
    half: list[jax.Array], place: list[jax.Array], speed: list[jax.Array]
) -> jax.Array:
    """Seen along the edges of one direction, a box is a rectangle and the ray a straight line."""
    inside = jnp.full_like(speed[0], jnp.inf)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        reach = half[i] * speed[j] + half[j] * speed[i]
        aside = jnp.abs(place[i] * speed[j] - place[j] * speed[i])
        inside = jnp.minimum(inside, (reach - aside) / jnp.sqrt(speed[i] ** 2 + speed[j] ** 2))
    return inside


def _depth(
    entry: list[jax.Array],
    leave: list[jax.Array],
    speed: list[jax.Array],
    entered: Callable[[list[jax.Array]], jax.Array],
) -> jax.Array:
    """Depth of the entrance; of a ray that misses it without jumps beside that [m]."""
    first = entered(entry)
    last = jnp.minimum(jnp.minimum(leave[0], leave[1]), leave[2])
    # A ray that misses it leaves one pair of faces before it enters another. Nearly parallel to the
    # former, it is beside the box where it enters the latter; nearly parallel to the latter, where
    # it has entered the others. In between, and where it just misses, the depth has no jumps.
    second = entered([jnp.maximum(entry[k - 2], entry[k - 1]) for k in range(3)])
    late = jnp.maximum(last - second, 0.0)
    beside = second + late**2 / jnp.maximum(first - second, TINY)
    squares = [s**2 for s in speed]
    left = jnp.where(
        last == leave[0], squares[0], jnp.where(last == leave[1], squares[1], squares[2])
    )
    own = entered(squares)
    between = (left * beside + own * first) / (left + own)
    return jnp.where(first > last, between, first)
