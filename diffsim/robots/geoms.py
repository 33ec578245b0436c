"""The geoms of a robot's file: its bodies' surfaces, with the numbers of their shapes."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from diffsim.collisions.table import pair_of
from diffsim.math.spatial import Pose
from diffsim.robots.config import BodyConfig, GeomConfig, RobotConfig
from diffsim.robots.numbers import number, own_numbers, pose_of, vector
from diffsim.shapes.shape import Shape, Size
from diffsim.shapes.table import SHAPES

GROUND = "ground"
"""Name of the plane z = 0, which needs no entry in a robot's file."""


class GeomSpec(NamedTuple):
    """A geom as the file has it.

    Attributes:
        name: that of the body for the geom of its ``shape``, else "body.geom".
        part: name of the robot's body.
        config: with everything that the body says for its geoms.
        shape, size: kind and numbers, the latter of shape ().
        pose: in the frame of the robot's body, components of shape ().
    """

    name: str
    part: str
    config: GeomConfig
    shape: Shape
    size: Size
    pose: Pose

    @property
    def key(self) -> str:
        """Key of its entry in the config."""
        own = self.name.removeprefix(self.part).removeprefix(".")
        return f"robot.bodies.{self.part}" + (f".geoms.{own}" if own else "")


def geom_configs(body: BodyConfig) -> dict[str, GeomConfig]:
    """Geoms of a body by name, with what the body says for them; "" for that of its ``shape``."""
    given = dict(body.geoms)
    if body.shape is not None:
        given[""] = GeomConfig(
            shape=body.shape, radius=body.radius, size=body.size, parameters=body.parameters
        )
    inherited = (
        *("density", "ground_contact", "frictionless", "friction", "restitution"),
        *("contact_stiffness", "contact_damping", "texture"),
    )
    return {
        name: dataclasses.replace(
            geom,
            **{field: getattr(body, field) for field in inherited if getattr(geom, field) is None},
        )
        for name, geom in given.items()
    }


def geom_specs(robot: RobotConfig) -> list[GeomSpec]:
    """All geoms of all bodies, in the order of the file."""
    return [
        GeomSpec(
            name=geom_name(part, name),
            part=part,
            config=geom,
            shape=SHAPES[geom.shape],
            size=size_of(geom),
            pose=pose_of(geom),
        )
        for part, body in robot.bodies.items()
        for name, geom in geom_configs(body).items()
    ]


def geom_name(part: str, own: str) -> str:
    """Name of a geom, from those of its body and its own, which is "" for that of ``shape``."""
    return f"{part}.{own}" if own else part


def geom_names(robot: RobotConfig) -> list[str]:
    """Names of all geoms, in the order of the file."""
    bodies = robot.bodies.items()
    return [geom_name(part, own) for part, body in bodies for own in geom_configs(body)]


def size_of(geom: GeomConfig) -> Size:
    """The numbers of a geom's shape, as the file gives them or by default."""
    shape = SHAPES[geom.shape]
    given = {"radius": geom.radius, "size": geom.size}
    size = {
        name: vector(given[name]) if name == "size" else number(given[name]) for name in shape.needs
    }
    return size | own_numbers(geom.parameters, shape.parameters)


def touches_planes(geom: GeomConfig) -> bool:
    """True if a geom may touch planes of the world."""
    return bool(geom.ground_contact) and pair_of(geom.shape, "plane") is not None


def named_geoms(robot: RobotConfig, name: str) -> list[str]:
    """Names of the geoms that a name in ``contact_pairs`` stands for: of a body, or one of them."""
    part, _, geom = name.partition(".")
    if part not in robot.bodies:
        return []
    known = [geom_name(part, own) for own in geom_configs(robot.bodies[part])]
    return [each for each in known if each == name] if geom else known
