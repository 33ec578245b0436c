"""Surfaces of a robot as a run has recorded them: triangles that move with bodies.

``diffsim.robots.surfaces`` says what a record has in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class DrawnSurface(NamedTuple):
    """A surface of a body, or of the scenery.

    Attributes:
        name: that of the body for the geom of its ``shape``, else "body.geom".
        body: that carries it; empty for scenery.
        mesh: its index among the meshes of the record.
        position: in the body's frame [m], shape (3,).
        rotation: its frame to the body's, shape (3, 3).
        colors: red, green and blue, one or two; None if the robot says nothing of them.
        vertices: in its own frame [m], shape (vertices, 3).
    """

    name: str
    body: str
    mesh: int
    position: np.ndarray
    rotation: np.ndarray
    colors: Sequence[Sequence[float]] | None
    vertices: np.ndarray

    @property
    def size(self) -> float:
        """Smallest of its extents along its axes that is not 0 [m]."""
        extents = np.ptp(self.vertices, axis=0)
        return float(extents[extents > 0.0].min())

    def at(self, position: np.ndarray, rotation: np.ndarray) -> np.ndarray:
        """Vertices in the world frame [m], from the pose of the body, shape (vertices, 3)."""
        return position + (self.position + self.vertices @ self.rotation.T) @ rotation.T


def drawn_surfaces(record: Mapping[str, Any], which: str = "bodies") -> list[DrawnSurface]:
    """Surfaces of a record, of its "bodies" or its "scenery"."""
    vertices = [np.asarray(mesh["vertices"], float) for mesh in record["meshes"]]
    return [
        DrawnSurface(
            name=surface["name"],
            body=surface.get("body", ""),
            mesh=surface["mesh"],
            position=np.asarray(surface["position"], float),
            rotation=np.asarray(surface["rotation"], float),
            colors=surface["colors"],
            vertices=vertices[surface["mesh"]],
        )
        for surface in record[which]
    ]
