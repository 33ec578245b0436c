"""The sphere, by its radius."""

from __future__ import annotations

import math
from collections.abc import Mapping

import jax

from diffsim.math.vectors import Vec3
from diffsim.shapes.shape import Size
from diffsim.tables import Parameter


class Sphere:
    """All points within ``radius`` of the centre."""

    needs: tuple[str, ...] = ("radius",)
    parameters: Mapping[str, Parameter] = {}
    solid = True

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
