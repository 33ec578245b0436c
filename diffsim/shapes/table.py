"""All shapes by the names that they have in robot files."""

from __future__ import annotations

from diffsim.shapes.shape import Shape
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
