"""Geoms: surfaces that may touch, each a shape at a place on a body or in the world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import jax

from diffsim.math.indexing import gather
from diffsim.math.pytrees import pytree, static
from diffsim.math.spatial import Pose
from diffsim.shapes.shape import Size

NO_PART = -1


@pytree
class Geoms:
    """All surfaces of a world that may touch.

    Attributes:
        names: that of the robot's body for the geom of its ``shape``, else "body.geom"; "ground"
            and names of scenery for planes.
        shapes: keys of ``diffsim.shapes.table.SHAPES``.
        bodies: index of the simulated body that carries each, ``WORLD`` for planes.
        parts: index of the robot's body that it belongs to, ``NO_PART`` for planes.
        pose: in the frame of the simulated body, or in the world, components (geoms,).
        sizes: by shapes, arrays (geoms of the shape,) in the order of the geoms.
    """

    names: tuple[str, ...] = static()
    shapes: tuple[str, ...] = static()
    bodies: tuple[int, ...] = static()
    parts: tuple[int, ...] = static()
    pose: Annotated[Pose, "geoms *robots"]
    sizes: dict[str, Size]

    def size(self, index: Sequence[int]) -> Size:
        """The numbers of some geoms, which are all of one shape; repeated indices are allowed."""
        (shape,) = {self.shapes[k] for k in index}
        alike = [k for k, other in enumerate(self.shapes) if other == shape]
        places = tuple(alike.index(k) for k in index)
        found: Size = jax.tree.map(lambda leaf: gather(leaf, places), self.sizes[shape])
        return found
