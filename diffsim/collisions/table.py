"""All pairs of shapes that can touch, as "a_b" by the names of their shapes."""

from __future__ import annotations

from diffsim.collisions.collision import Collision
from diffsim.tables import KindTable

COLLISIONS: KindTable[Collision] = KindTable(
    "collisions",
    {
        "sphere_plane": "diffsim.collisions.sphere_plane:SpherePlane",
        "sphere_sphere": "diffsim.collisions.sphere_sphere:SphereSphere",
    },
)
"""Open to others (``diffsim.tables``)."""


def pair_of(first: str, second: str) -> tuple[str, bool] | None:
    """The name of the collision of two shapes, and whether they have to be exchanged for it.

    Returns:
        None if such shapes pass through each other.
    """
    if f"{first}_{second}" in COLLISIONS:
        return f"{first}_{second}", False
    return (f"{second}_{first}", True) if f"{second}_{first}" in COLLISIONS else None
