"""A capsule: a cylinder with half spheres at its ends, and how it lies on a plane."""

from __future__ import annotations

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from diffsim.collisions.collision import GeomMotion, Touch, sphere_on_plane
from diffsim.collisions.table import COLLISIONS
from diffsim.math.vectors import Vec3
from diffsim.shapes.shape import Size
from diffsim.shapes.table import SHAPES
from diffsim.tables import Parameter


class Capsule:
    """All points within ``radius`` of a line of ``length`` along z, around its middle."""

    needs = ("radius",)
    parameters: Mapping[str, Parameter] = {"length": Parameter("m", above=0.0)}
    solid = True

    def volume(self, size: Size) -> jax.Array:
        r, length = size["radius"], size["length"]
        return math.pi * r**2 * (length + 4.0 / 3.0 * r)

    def inertia(self, size: Size, mass: jax.Array) -> Vec3:
        """Cylinder and ball, the halves of which are 3/8 r beyond the cylinder's ends."""
        r, length = size["radius"], size["length"]
        ball = mass * (4.0 / 3.0 * r) / (length + 4.0 / 3.0 * r)
        tube = mass - ball
        along = 0.5 * tube * r**2 + 0.4 * ball * r**2
        across = tube * (3.0 * r**2 + length**2) / 12.0
        across += ball * (0.4 * r**2 + 0.25 * length**2 + 0.375 * r * length)
        return Vec3(across, across, along)

    def extents(self, size: Size) -> Vec3:
        r = size["radius"]
        return Vec3(r, r, r + 0.5 * size["length"])

    def thickness(self, size: Size) -> jax.Array:
        return size["radius"]


class CapsulePlane:
    """Two contacts: the spheres at both ends."""

    points = 2

    def detect(self, a: GeomMotion, b: GeomMotion) -> tuple[Touch, ...]:
        radius, half = a.size["radius"], 0.5 * a.size["length"]
        zero = jnp.zeros_like(half)
        ends = (a.point(Vec3(zero, zero, side * half)) for side in (1.0, -1.0))
        return tuple(sphere_on_plane(end, radius, b) for end in ends)


SHAPES.add("capsule", Capsule())
COLLISIONS.add("capsule_plane", CapsulePlane())
