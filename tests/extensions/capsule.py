"""A capsule: a cylinder with half spheres at its ends, how it lies on a plane, and how it looks."""

from __future__ import annotations

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.collisions.collision import GeomMotion, Touch, sphere_on_plane
from diffsim.collisions.table import COLLISIONS
from diffsim.math.vectors import Vec3
from diffsim.shapes.mesh import SECTORS, Mesh, lathe
from diffsim.shapes.shape import Size
from diffsim.shapes.sphere import Sphere
from diffsim.shapes.table import SHAPES
from diffsim.shapes.visible import TINY, Look, Meeting, Rays
from diffsim.tables import Parameter

SPHERE = Sphere()


class Capsule:
    """All points within ``radius`` of a line of ``length`` along z, around its middle."""

    needs = ("radius",)
    parameters: Mapping[str, Parameter] = {"length": Parameter("m", above=0.0)}
    solid = True
    repeats = True

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

    def mesh(self, size: Size) -> Mesh:
        """A sphere that is cut in two at its equator, with a tube between the halves."""
        angle = np.linspace(0.0, math.pi, SECTORS // 2 + 1)
        upper, lower = np.split(
            np.stack([np.sin(angle), np.cos(angle)], axis=1), [SECTORS // 4 + 1]
        )
        half = np.array([0.0, 0.5 * float(size["length"])])
        radius = float(size["radius"])
        rings = [radius * upper + half, radius * np.vstack([upper[-1:], lower]) - half]
        return lathe(np.concatenate(rings))

    def meet(self, size: Size, rays: Rays) -> Meeting:
        """A ray enters it where it enters one of the spheres along its line."""
        return SPHERE.meet(size, _towards_sphere(size, rays))

    def look(
        self, size: Size, rays: Rays, light: Vec3, face: jax.Array | int, depth: jax.Array | None
    ) -> Look:
        """u runs around it, v downwards."""
        ball = _towards_sphere(size, rays)
        height = rays.at(SPHERE.meet(size, ball).depth).z
        seen = SPHERE.look(size, ball, light, face, depth)
        return seen._replace(v=0.5 - height / (size["length"] + 2.0 * size["radius"]))


def _towards_sphere(size: Size, rays: Rays) -> Rays:
    """The rays in the frame of the sphere that each enters first, or comes nearest to."""
    (x, y, z), (dx, dy, dz) = rays
    squared = jnp.maximum(dx**2 + dy**2, TINY**2)
    nearest = -(x * dx + y * dy) / squared
    chord = size["radius"] ** 2 - (x + dx * nearest) ** 2 - (y + dy * nearest) ** 2
    met = chord > 0.0
    entered = nearest - jnp.where(met, jnp.sqrt(jnp.where(met, chord, 1.0) / squared), 0.0)
    half = 0.5 * size["length"]
    return Rays(Vec3(x, y, z - jnp.clip(z + dz * entered, -half, half)), rays.direction)


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
