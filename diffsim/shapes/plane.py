"""The plane: the boundary of a half space, for the ground and for ramps."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from diffsim.math.vectors import Vec3
from diffsim.shapes.shape import Size
from diffsim.tables import Parameter


class Plane:
    """z = 0 of its frame, without end; what is below is inside. It weighs nothing."""

    needs: tuple[str, ...] = ()
    parameters: Mapping[str, Parameter] = {}
    solid = False

    def volume(self, size: Size) -> jax.Array:
        return jnp.zeros(())

    def inertia(self, size: Size, mass: jax.Array) -> Vec3:
        return Vec3(jnp.zeros(()), jnp.zeros(()), jnp.zeros(()))

    def extents(self, size: Size) -> Vec3:
        return Vec3(jnp.zeros(()), jnp.zeros(()), jnp.zeros(()))

    def thickness(self, size: Size) -> jax.Array:
        return jnp.zeros(())
