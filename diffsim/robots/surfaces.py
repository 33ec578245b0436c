"""Record of a robot's surfaces as meshes, for replays and pictures: they know no shape.

The record is plain data, as JSON has it:

    meshes     of each: vertices [m], triangles, and the triangles with the second colour
    bodies     of each surface: its name, body, mesh, position [m] and rotation matrix in the
               body's frame, and colours
    scenery    the same of planes that end somewhere, in the world frame

Colours are red, green and blue from 0 to 1, one or two; null where the robot says nothing of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from diffsim.math.spatial import Pose
from diffsim.robots.appearance import TextureConfig
from diffsim.robots.config import RobotConfig
from diffsim.robots.geoms import GeomSpec, geom_specs
from diffsim.robots.numbers import pose_of, vector
from diffsim.shapes.mesh import Mesh, MeshedShape
from diffsim.shapes.plane import LimitedPlane
from diffsim.shapes.sphere import Sphere

MARKER = 0.03
"""Radius of the ball that stands for a body of which nothing can be drawn [m]."""


def surfaces_record(robot: RobotConfig) -> dict[str, Any]:
    """Record of all surfaces of a robot and its scenery; its numbers are plain ones."""
    meshes: list[Mesh] = []
    drawn: dict[str, list[GeomSpec]] = {name: [] for name in robot.bodies}
    for geom in geom_specs(robot):
        if isinstance(geom.shape, MeshedShape):
            drawn[geom.part].append(geom)
    bodies: list[dict[str, Any]] = []
    for name, geoms in drawn.items():
        for geom in geoms:
            assert isinstance(geom.shape, MeshedShape)
            mesh = _index(geom.shape.mesh(geom.size), meshes)
            place = _place(geom.pose)
            colors = _colors(geom.config.texture)
            bodies.append({"name": geom.name, "body": name, "mesh": mesh, **place, **colors})
        if not geoms:
            mesh = _index(Sphere().mesh({"radius": MARKER}), meshes)
            place = _place(None)
            bodies.append({"name": name, "body": name, "mesh": mesh, **place, "colors": None})
    scenery = [
        {
            "name": name,
            "mesh": _index(LimitedPlane().mesh({"size": vector([*plane.size, 1.0])}), meshes),
            **_place(pose_of(plane)),
            **_colors(plane.texture),
        }
        for name, plane in robot.scenery.items()
        if plane.limited
    ]
    return {"meshes": [_as_json(mesh) for mesh in meshes], "bodies": bodies, "scenery": scenery}


def _index(mesh: Mesh, known: list[Mesh]) -> int:
    """Index of a mesh among those that are known; a new one is added."""
    for index, other in enumerate(known):
        if all(np.array_equal(a, b) for a, b in zip(mesh, other, strict=True)):
            return index
    known.append(mesh)
    return len(known) - 1


def _as_json(mesh: Mesh) -> dict[str, Any]:
    return {
        "vertices": _plain(mesh.vertices),
        "triangles": mesh.triangles.tolist(),
        "second": np.flatnonzero(mesh.second).tolist(),
    }


def _place(pose: Pose | None) -> dict[str, Any]:
    """Position and rotation matrix of a surface."""
    if pose is None:
        return {"position": [0.0, 0.0, 0.0], "rotation": np.eye(3).tolist()}
    return {
        "position": _plain(np.asarray(pose.position.stack())),
        "rotation": _plain(np.asarray(pose.rotation.stack())),
    }


def _plain(numbers: np.ndarray) -> list[Any]:
    """Numbers as lists, without the digits that float32 does not have."""
    rounded: list[Any] = np.vectorize(lambda x: float(f"{x:.7g}"))(numbers).tolist()
    return rounded


def _colors(texture: TextureConfig | None) -> dict[str, Any]:
    """One colour, or two if the texture has a pattern of both; none if it says nothing."""
    untold = TextureConfig().colors
    if texture is None or texture.pattern == "image" or texture.colors == untold:
        return {"colors": None}
    colors = [[float(c) for c in color] for color in texture.colors]
    return {"colors": colors[:1] if texture.pattern == "plain" else colors}
