"""The protocol of shapes.

A shape says how much space it fills and how its mass is spread, how far it reaches, and how thick
it is. Where it touches others is said by pairs (``diffsim.collisions``).

A new shape is one file with one class, and its name in a table (``diffsim.shapes.table``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import jax

from diffsim.math.vectors import Vec3
from diffsim.tables import Parameter

Size = Mapping[str, Any]
"""The numbers of geoms of one shape: what it needs, and its parameters, by name.

Arrays of one shape, (geoms,) or (), and a ``Vec3`` of such arrays for ``size``.
"""


class Shape(Protocol):
    """A kind of surface with what is inside it, in a frame at its centre of mass.

    Attributes:
        needs: keys of a geom that have to be given for it: "radius", "size".
        parameters: further numbers of its own, by name.
        solid: whether it has a volume; a plane has none, and belongs to the world.
    """

    needs: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    solid: bool

    def volume(self, size: Size) -> jax.Array:
        """Volume [m³]."""

    def inertia(self, size: Size, mass: jax.Array) -> Vec3:
        """Principal moments of inertia of a homogeneous one [kg·m²]."""

    def extents(self, size: Size) -> Vec3:
        """Half extents along the axes of its frame [m]."""

    def thickness(self, size: Size) -> jax.Array:
        """Radius of the largest sphere inside: the length by which depths are judged [m]."""
