"""The plane: the boundary of a half space, for the ground and for ramps."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.math.vectors import Vec3
from diffsim.shapes.mesh import Mesh, flat_faces
from diffsim.shapes.shape import Size
from diffsim.shapes.visible import TINY, Meeting, Rays, look_at_face
from diffsim.tables import Parameter


class Plane:
    """z = 0 of its frame, without end; what is below is inside. It weighs nothing."""

    needs: tuple[str, ...] = ()
    parameters: Mapping[str, Parameter] = {}
    solid = False
    repeats = True

    def volume(self, size: Size) -> jax.Array:
        return jnp.zeros(())

    def inertia(self, size: Size, mass: jax.Array) -> Vec3:
        return Vec3(jnp.zeros(()), jnp.zeros(()), jnp.zeros(()))

    def extents(self, size: Size) -> Vec3:
        return Vec3(jnp.zeros(()), jnp.zeros(()), jnp.zeros(()))

    def thickness(self, size: Size) -> jax.Array:
        return jnp.zeros(())

    def meet(self, size: Size, rays: Rays) -> Meeting:
        """Meet the plane from either side; cameras give its size as one copy of its texture."""
        down = jnp.where(jnp.abs(rays.direction.z) < TINY, TINY, rays.direction.z)
        depth = -rays.origin.z / down
        face = jnp.where(rays.origin.z <= 0.0, 7, 6)
        return Meeting(depth, jnp.full_like(depth, jnp.inf), face)

    look = staticmethod(look_at_face)


class LimitedPlane(Plane):
    """A plane as cameras see it that ends where one copy of its texture does."""

    repeats = False

    def mesh(self, size: Size) -> Mesh:
        """Mesh of both sides of the rectangle."""
        x, y = 0.5 * float(size["size"].x), 0.5 * float(size["size"].y)
        above = np.array([[-x, -y, 0.0], [x, -y, 0.0], [x, y, 0.0], [-x, y, 0.0]])
        return flat_faces(np.stack([above, above[::-1]]))

    def meet(self, size: Size, rays: Rays) -> Meeting:
        found = super().meet(size, rays)
        place, edges = rays.at(found.depth), size["size"]
        inside = jnp.minimum(0.5 * edges.x - jnp.abs(place.x), 0.5 * edges.y - jnp.abs(place.y))
        return found._replace(inside=inside)
