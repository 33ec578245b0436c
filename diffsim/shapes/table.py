"""All shapes by the names that they have in robot files."""

from __future__ import annotations

from diffsim.shapes.shape import Shape
from diffsim.shapes.visible import VisibleShape
from diffsim.tables import KindTable

SHAPES: KindTable[Shape] = KindTable(
    "shapes",
    {
        "sphere": "diffsim.shapes.sphere:Sphere",
        "box": "diffsim.shapes.box:Box",
        "plane": "diffsim.shapes.plane:Plane",
    },
)
"""Open to others (``diffsim.tables``)."""


def is_visible(shape: str) -> bool:
    """True if cameras see a shape of this name."""
    return isinstance(SHAPES[shape], VisibleShape)
