"""The contacts of a robot: which geoms may touch, and how soft, rough and elastic they are."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.collisions.contacts import Contacts
from diffsim.collisions.table import COLLISIONS, pair_of
from diffsim.math.indexing import WORLD
from diffsim.math.vectors import Vec3
from diffsim.robots.config import PlaneConfig, RobotConfig
from diffsim.robots.geoms import (
    GROUND,
    GeomSpec,
    geom_names,
    geom_specs,
    named_geoms,
    touches_planes,
)
from diffsim.robots.loads import pressing_forces, series_mass
from diffsim.robots.numbers import number, numbers, pose_of, stack_poses
from diffsim.shapes.geoms import NO_PART, Geoms
from diffsim.world.world import Parts


class ContactSpec(NamedTuple):
    """Contact of a geom with a plane of the world, or with another geom.

    Attributes:
        first: the geom that is named first.
        second: the other geom, or the name of a plane.
        collision: how their shapes touch, and which of its points this is.
        exchanged: whether the collision takes the second geom first.
    """

    first: GeomSpec
    second: GeomSpec | str
    collision: str
    point: int
    exchanged: bool

    @property
    def geoms(self) -> tuple[GeomSpec, ...]:
        """Its one or two geoms that belong to bodies."""
        return (self.first,) if isinstance(self.second, str) else (self.first, self.second)

    @property
    def name(self) -> str:
        """Name for people, such as "ball/ground"."""
        other = self.second if isinstance(self.second, str) else self.second.name
        several = COLLISIONS[self.collision].points > 1
        return f"{self.first.name}/{other}" + (f".{self.point}" if several else "")


def solid_planes(robot: RobotConfig) -> dict[str, PlaneConfig]:
    """Planes of the world that geoms may touch; the ground has no entry in the file."""
    solid = {name: plane for name, plane in robot.scenery.items() if plane.solid}
    return {GROUND: PlaneConfig(solid=True), **solid}


def contact_specs(robot: RobotConfig, carried_by: dict[str, int]) -> list[ContactSpec]:
    """All contacts of a robot, in an order in which those that are solved at once are neighbours.

    Args:
        robot: a checked robot.
        carried_by: index of the simulated body of every robot's body.
    """
    geoms = {geom.name: geom for geom in geom_specs(robot)}
    found: list[ContactSpec] = []
    for plane in solid_planes(robot):
        on_plane = [
            spec
            for geom in geoms.values()
            if touches_planes(geom.config)
            for spec in _between(geom, plane)
        ]
        # First one contact of each body, then the second ones.
        bodies = [carried_by[spec.first.part] for spec in on_plane]
        ranks = [(bodies[:k].count(bodies[k]), bodies[k]) for k in range(len(bodies))]
        found += [on_plane[k] for k in sorted(range(len(bodies)), key=ranks.__getitem__)]
    for pair in robot.contact_pairs:
        first, second = (named_geoms(robot, name) for name in pair)
        for a in first:
            for b in second:
                found += _between(geoms[a], geoms[b])
    return found


def _between(first: GeomSpec, second: GeomSpec | str) -> list[ContactSpec]:
    """All points at which two geoms may touch; none if such shapes pass through each other."""
    other = "plane" if isinstance(second, str) else second.config.shape
    pair = pair_of(first.config.shape, other)
    if pair is None:
        return []
    name, exchanged = pair
    return [
        ContactSpec(first, second, name, point, exchanged)
        for point in range(COLLISIONS[name].points)
    ]


def build_geoms(robot: RobotConfig, parts: Parts, specs: list[ContactSpec]) -> Geoms:
    """The geoms that may touch: of the bodies, then the planes that they may touch."""
    touching = {geom.name: geom for spec in specs for geom in spec.geoms}
    used = [touching[name] for name in geom_names(robot) if name in touching]
    planes = solid_planes(robot)
    touched = [name for name in planes if any(spec.second == name for spec in specs)]
    index = [parts.names.index(geom.part) for geom in used]
    poses = [
        jax.tree.map(lambda leaf, k=part: leaf[k], parts.pose).times(geom.pose)
        for part, geom in zip(index, used, strict=True)
    ]
    poses += [pose_of(planes[name]) for name in touched]
    shapes = [*(geom.config.shape for geom in used), *("plane" for _ in touched)]
    sizes = [*(geom.size for geom in used), *({} for _ in touched)]
    return Geoms(
        names=(*(geom.name for geom in used), *touched),
        shapes=tuple(shapes),
        bodies=(*(parts.body[k] for k in index), *(WORLD for _ in touched)),
        parts=(*index, *(NO_PART for _ in touched)),
        pose=stack_poses(poses),
        sizes={
            shape: jax.tree.map(
                lambda *leaves: numbers(list(leaves)),
                *(size for own, size in zip(shapes, sizes, strict=True) if own == shape),
            )
            for shape in dict.fromkeys(shapes)
        },
    )


def build_contacts(
    robot: RobotConfig, geoms: Geoms, masses: jax.Array, specs: list[ContactSpec], gravity: Vec3
) -> Contacts:
    """The engine's records of the contacts.

    Args:
        robot: the file's data.
        geoms: of the world.
        masses: of the simulated bodies [kg].
        specs: the contacts.
        gravity: [m/s²].
    """

    def index(geom: GeomSpec | str) -> int:
        return geoms.names.index(geom if isinstance(geom, str) else geom.name)

    ends = [
        (index(spec.second), index(spec.first))
        if spec.exchanged
        else (index(spec.first), index(spec.second))
        for spec in specs
    ]
    count = len(specs)
    return Contacts(
        names=tuple(spec.name for spec in specs),
        collisions=tuple(spec.collision for spec in specs),
        points=tuple(spec.point for spec in specs),
        geom_a=tuple(a for a, _ in ends),
        geom_b=tuple(b for _, b in ends),
        body_a=tuple(geoms.bodies[a] for a, _ in ends),
        body_b=tuple(geoms.bodies[b] for _, b in ends),
        frictionless=tuple(
            any(bool(geom.config.frictionless) for geom in spec.geoms) for spec in specs
        ),
        thickness=numbers([sum(_thicknesses(spec)) for spec in specs]),
        friction=numbers([_mean(robot, spec, "friction") for spec in specs]),
        restitution=numbers([_mean(robot, spec, "restitution") for spec in specs]),
        frequency=numbers([robot.contact_frequency] * count),
        damping_ratio=numbers([robot.contact_damping_ratio] * count),
        **_given_softness(robot, geoms, masses, specs),
        least_stiffness=_least_stiffness(robot, specs, gravity),
    )


def _thicknesses(spec: ContactSpec) -> list[jax.Array]:
    """Lengths by which depths of the bodies' geoms are judged [m]."""
    return [geom.shape.thickness(geom.size) for geom in spec.geoms]


def _mean(robot: RobotConfig, spec: ContactSpec, field: str) -> jax.Array:
    """Friction or restitution of a contact: the mean of what both sides have.

    A geom without one of its own has that of the robot; a plane without one has that of the geom.
    """
    own = [getattr(geom.config, field) for geom in spec.geoms]
    values = [number(getattr(robot, field) if value is None else value) for value in own]
    if isinstance(spec.second, str):
        of_plane = getattr(solid_planes(robot)[spec.second], field)
        values += [] if of_plane is None else [number(of_plane)]
    return values[0] if len(values) == 1 else 0.5 * (values[0] + values[1])


def _given_softness(
    robot: RobotConfig, geoms: Geoms, masses: jax.Array, specs: list[ContactSpec]
) -> dict[str, Any]:
    """Stiffness [N/m] and damping [N·s/m] of the contacts that have them, and which do."""
    by_stiffness, stiffness, damping = [], [], []
    for spec in specs:
        own = [geom.config for geom in spec.geoms]
        springs = _in_series([geom.contact_stiffness for geom in own], robot.contact_stiffness)
        dampers = _in_series([geom.contact_damping for geom in own], robot.contact_damping)
        if springs is not None and dampers is None:
            bodies = [geoms.bodies[geoms.names.index(geom.name)] for geom in spec.geoms]
            mass = series_mass([masses[body] for body in bodies])
            dampers = 2.0 * number(robot.contact_damping_ratio) * jnp.sqrt(springs * mass)
        by_stiffness.append(springs is not None)
        stiffness.append(0.0 if springs is None else springs)
        damping.append(0.0 if springs is None else dampers)
    return {
        "by_stiffness": tuple(by_stiffness),
        "stiffness": numbers(stiffness),
        "damping": numbers(damping),
    }


def _in_series(own: list[Any], common: Any) -> Any:
    """Stiffness or damping of two bodies' springs in series, None if none is given.

    Each has its own one or else that of the robot; one without any is rigid.
    """
    given = [common if value is None else value for value in own]
    values = [number(value) for value in given if value is not None]
    if len(values) < 2:
        return values[0] if values else None
    first, second = values
    return first * second / (first + second)


def _least_stiffness(
    robot: RobotConfig, specs: list[ContactSpec], gravity: Vec3
) -> jax.Array | None:
    """Stiffness with which the robot's own loads press no contact in too deep [N/m].

    It is for geoms of bodies that may press on each other, and for the ground below them; 0 for
    others.

    Returns:
        None where there is no such contact, or the robot sets no limit to the depth.
    """
    paired = {geom.name for spec in specs if len(spec.geoms) > 1 for geom in spec.geoms}
    if robot.contact_depth is None or not paired:
        return None

    def of_contact(spec: ContactSpec, force: jax.Array) -> jax.Array:
        thickness = jnp.min(jnp.stack(_thicknesses(spec)))
        return force / (number(robot.contact_depth) * thickness)

    forces = pressing_forces(robot, gravity, [spec.geoms for spec in specs])
    return numbers(
        [
            of_contact(spec, force) if paired & {geom.name for geom in spec.geoms} else 0.0
            for spec, force in zip(specs, forces, strict=True)
        ]
    )
