"""All numbers of a robot's configuration that could be differentiated, and how to put others there.

A number is named by its path, as on the command line: ``robot.bodies.spine.size.0``.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from diffsim.experiment.config import SimulationConfig
from diffsim.robots.appearance import CameraConfig, LightConfig, PlaneConfig, TextureConfig
from diffsim.robots.config import RobotConfig
from diffsim.robots.placement import carriers

APPEARANCE = (CameraConfig, LightConfig, TextureConfig)
"""Schemas of what is only seen, and moves nothing; so are planes that are not solid."""

INITIAL_STATE = "initial state"
PLACEMENT = ("position", "orientation", "velocity", "angular_velocity")
"""Fields of a body that say how it starts."""

GROUPS = {
    "bodies": "body",
    "joints": "joint",
    "motors": "motor",
    "thrusters": "thruster",
    "sensors": "sensor",
}

SCALES = {
    "position": 0.1,
    "parent_offset": 0.1,
    "child_offset": 0.1,
    "target": 0.1,
    "gravity": 10.0,
    "friction": 0.5,
    "restitution": 0.5,
}
"""By how much a number changes when it changes a lot. Of positive numbers, their value; else 1."""

MARGIN = 1e-3
"""In units of the scale: numbers at the edge of their range (a restitution of 0) are moved inside
by this much, as there would be a derivative on one side only."""


class Number(NamedTuple):
    """One number.

    Attributes:
        path: where it is.
        kind: what it is compared with, e.g. "body.size" or "initial state".
        value: in its own units, inside its range.
        scale: in its own units.
    """

    path: str
    kind: str
    value: float
    scale: float


def collect(robot: RobotConfig, simulation: SimulationConfig) -> list[Number]:
    """All finite numbers that are given and may have an effect, the time step excepted."""
    carried = carriers(robot)
    found = []
    for path, schema_field, value in _walk(robot, "robot"):
        parts = path.split(".")  # robot, group, name, field, perhaps an index
        group, name = parts[1:3] if parts[1] in GROUPS else ("", "")
        field = schema_field.name
        of_geom = group == "bodies" and parts[3] == "geoms"
        if group == "bodies" and field in PLACEMENT and name in carried and not of_geom:
            continue  # the joint says where the body is
        if group == "joints" and robot.joints[name].type == "free":
            continue
        is_start = (group == "bodies" and field in PLACEMENT and not of_geom) or (
            group == "joints" and field in ("position", "velocity")
        )
        thing = "geom" if of_geom else GROUPS[group] if group else "robot"
        kind = INITIAL_STATE if is_start else f"{thing}.{field}"
        found.append(_number(path, kind, schema_field, value))
    for path, schema_field, value in _walk(simulation, "simulation"):
        if schema_field.name == "gravity":
            found.append(_number(path, "simulation.gravity", schema_field, value))
    return found


def below(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Values whose keys are below a key, by the rest of their keys."""
    begin = f"{key}."
    return {
        path.removeprefix(begin): value for path, value in values.items() if path.startswith(begin)
    }


def _number(path: str, kind: str, field: dataclasses.Field[Any], value: float) -> Number:
    rule = field.metadata
    scale = abs(value) if rule.get("above") == 0 else SCALES.get(field.name, 1.0)
    if field.name == "parameters":  # whose own sizes nobody knows
        scale = abs(value) or 1.0
    if rule.get("at_least") is not None:
        value = max(value, rule["at_least"] + MARGIN * scale)
    if rule.get("at_most") is not None:
        value = min(value, rule["at_most"] - MARGIN * scale)
    return Number(path, kind, float(value), scale)


def _walk(node: Any, path: str) -> Iterator[tuple[str, dataclasses.Field[Any], float]]:
    """Path, field and value of every finite number in fields that hold numbers."""
    if isinstance(node, APPEARANCE) or (isinstance(node, PlaneConfig) and not node.solid):
        return
    if isinstance(node, dict):
        for name, item in node.items():
            yield from _walk(item, f"{path}.{name}")
    elif dataclasses.is_dataclass(node) and not isinstance(node, type):
        types = typing.get_type_hints(type(node))
        for field in dataclasses.fields(node):
            value, here = getattr(node, field.name), f"{path}.{field.name}"
            if isinstance(node, PlaneConfig) and field.name == "size":
                continue  # of its texture: a solid plane has no end
            if "float" not in str(types[field.name]):  # not a number, several, or null for none
                yield from _walk(value, here)
                continue
            numbers = {here: value}
            if isinstance(value, list):
                numbers = {f"{here}.{index}": item for index, item in enumerate(value)}
            elif isinstance(value, dict):
                numbers = {f"{here}.{name}": item for name, item in value.items()}
            for full_path, number in numbers.items():
                if number is not None and math.isfinite(number):
                    yield full_path, field, number
