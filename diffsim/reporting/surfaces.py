"""Surfaces of a robot that pictures and replays draw, as they are in the config of a saved run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

DRAWN = ("sphere", "box")
"""Shapes that can be drawn."""

MARKER = 0.03
"""Radius of the ball that stands for a body of which nothing can be drawn [m]."""


class DrawnGeom(NamedTuple):
    """A sphere or a box on a body.

    Attributes:
        name: that of the body for the geom of its ``shape``, else "body.geom".
        shape: one of ``DRAWN``.
        size: radius, or three edges [m].
        texture: as in the config, None if it says nothing.
        position: in the body's frame [m], shape (3,).
        rotation: its frame to the body's, shape (3, 3).
    """

    name: str
    shape: str
    size: list[float]
    texture: Mapping[str, Any] | None
    position: np.ndarray
    rotation: np.ndarray

    @property
    def reach(self) -> float:
        """Distance of its farthest point from its centre [m]."""
        return self.size[0] if self.shape == "sphere" else 0.5 * float(np.linalg.norm(self.size))


def drawn_geoms(name: str, body: Mapping[str, Any]) -> list[DrawnGeom]:
    """Geoms of a body that can be drawn; a small ball if there are none."""
    geoms = {f"{name}.{key}": geom for key, geom in (body.get("geoms") or {}).items()}
    if body["shape"] is not None:
        geoms[name] = {key: body.get(key) for key in ("shape", "radius", "size", "texture")}
    drawn = [
        DrawnGeom(
            name=key,
            shape=geom["shape"],
            size=[float(s) for s in _size(geom)],
            texture=geom.get("texture") or body.get("texture"),
            position=np.asarray(geom.get("position") or [0.0, 0.0, 0.0], float),
            rotation=_rotation(geom.get("orientation") or [1.0, 0.0, 0.0, 0.0]),
        )
        for key, geom in geoms.items()
        if geom["shape"] in DRAWN
    ]
    return drawn or [DrawnGeom(name, "sphere", [MARKER], None, np.zeros(3), np.eye(3))]


def _size(geom: Mapping[str, Any]) -> list[float]:
    return [geom["radius"]] if geom["shape"] == "sphere" else geom["size"]


def _rotation(quaternion: list[float]) -> np.ndarray:
    """Rotation matrix of a quaternion (w, x, y, z), which need not be normalised."""
    w, x, y, z = np.asarray(quaternion, float) / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
