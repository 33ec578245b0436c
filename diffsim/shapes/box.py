"""The box, by its edges."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from diffsim.math.vectors import Vec3
from diffsim.shapes.shape import Size
from diffsim.tables import Parameter


class Box:
    """A block with the edges ``size`` along the axes of its frame."""

    needs: tuple[str, ...] = ("size",)
    parameters: Mapping[str, Parameter] = {}
    solid = True

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
