"""Sphere and plane: the lowest point of the sphere."""

from __future__ import annotations

from diffsim.collisions.collision import GeomMotion, Touch, sphere_on_plane


class SpherePlane:
    """The gap is that of the centre, less the radius."""

    points = 1

    def detect(self, a: GeomMotion, b: GeomMotion) -> tuple[Touch, ...]:
        return (sphere_on_plane(a.center(), a.size["radius"], b),)
