"""The sphere, by its radius."""

from __future__ import annotations

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.math.vectors import Vec3
from diffsim.shapes.mesh import SECTORS, Mesh, lathe
from diffsim.shapes.shape import Size
from diffsim.shapes.visible import Look, Meeting, Rays
from diffsim.tables import Parameter


class Sphere:
    """All points within ``radius`` of the centre."""

    needs: tuple[str, ...] = ("radius",)
    parameters: Mapping[str, Parameter] = {}
    solid = True
    repeats = True

    def volume(self, size: Size) -> jax.Array:
        volume: jax.Array = (4.0 / 3.0) * math.pi * size["radius"] ** 3
        return volume

    def inertia(self, size: Size, mass: jax.Array) -> Vec3:
        """2/5 m r² about every axis."""
        moment = 0.4 * mass * size["radius"] ** 2
        return Vec3(moment, moment, moment)

    def extents(self, size: Size) -> Vec3:
        return Vec3(size["radius"], size["radius"], size["radius"])

    def thickness(self, size: Size) -> jax.Array:
        radius: jax.Array = size["radius"]
        return radius

    def mesh(self, size: Size) -> Mesh:
        angle = np.linspace(0.0, math.pi, SECTORS // 2 + 1)
        return lathe(float(size["radius"]) * np.stack([np.sin(angle), np.cos(angle)], axis=1))

    def meet(self, size: Size, rays: Rays) -> Meeting:
        depth, beyond = _first_point(size["radius"], rays)
        return Meeting(depth, beyond / (2.0 * size["radius"]), 0)

    def look(
        self, size: Size, rays: Rays, light: Vec3, face: jax.Array | int, depth: jax.Array | None
    ) -> Look:
        """u is the longitude, v the latitude."""
        first, _ = _first_point(size["radius"], rays)
        normal = rays.at(first) * (1.0 / size["radius"])
        flat = normal.x**2 + normal.y**2
        pole = flat < 1e-12
        x, y = jnp.where(pole, 1.0, normal.x), jnp.where(pole, 0.0, normal.y)
        across = jnp.sqrt(jnp.where(pole, 1e-12, flat))
        u = jnp.arctan2(y, x) / (2.0 * math.pi) + 0.5
        v = 0.5 - jnp.arctan2(normal.z, across) / math.pi
        return Look(u, v, normal.dot(light))


def _first_point(radius: jax.Array, rays: Rays) -> tuple[jax.Array, jax.Array]:
    """Depth of the first point on a sphere, and the half chord squared, less than zero for none."""
    squared = rays.direction.squared_norm()
    along = rays.origin.dot(rays.direction)
    beyond = radius**2 - rays.origin.squared_norm() + along**2 / squared
    met = beyond > 0.0
    half = jnp.where(met, jnp.sqrt(jnp.where(met, beyond, 1.0) / squared), 0.0)
    return -along / squared - half, beyond
