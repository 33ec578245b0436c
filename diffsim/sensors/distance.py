"""Distance of a body to a point or to another body."""

from __future__ import annotations

from collections.abc import Sequence

import jax

from diffsim.math.indexing import column
from diffsim.math.vectors import Vec3
from diffsim.robots.config import RobotConfig, SensorConfig
from diffsim.robots.numbers import stack_vectors, vector
from diffsim.sensors.sensor_type import Moment, SensorType, single
from diffsim.validation import ConfigError


class Distance(SensorType):
    """Distance to ``target`` or to ``relative_to``; its gradient is zero where the distance is."""

    uses = ("body", "relative_to", "target")
    components = single("m")

    def check(self, robot: RobotConfig, sensor: SensorConfig, key: str) -> None:
        if (sensor.target is None) == (sensor.relative_to is None):
            got = "neither" if sensor.target is None else "both"
            raise ConfigError(f"{key} must have either a target or relative_to, got {got}")

    def read(self, moment: Moment, sensors: Sequence[SensorConfig]) -> Sequence[jax.Array]:
        here = moment.motion(sensor.body for sensor in sensors).pose.position
        if sensors[0].relative_to is None:
            fixed = stack_vectors([vector(sensor.target) for sensor in sensors])
            there = Vec3(*(column(component, here.x) for component in fixed))
        else:
            there = moment.motion(sensor.relative_to for sensor in sensors).pose.position
        return [(here - there).length()]
