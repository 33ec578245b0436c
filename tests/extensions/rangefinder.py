"""A sensor: how far the ground is below a body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp

from diffsim.robots.config import SensorConfig
from diffsim.sensors.sensor_type import Moment, SensorType, single
from diffsim.sensors.table import SENSOR_TYPES
from diffsim.tables import Parameter


class Rangefinder(SensorType):
    """Distance to the ground at height 0, down the body's own z axis; at most ``reach``."""

    uses = ("body",)
    components = single("m")
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "reach": Parameter("m", default=10.0, above=0.0)
    }

    def read(self, moment: Moment, sensors: Sequence[SensorConfig]) -> Sequence[jax.Array]:
        pose = moment.motion(sensor.body for sensor in sensors).pose
        height, upright = pose.position.z, pose.rotation.c2.z
        reach = self.parameter("reach", sensors, height)
        in_reach = height < reach * upright
        # Inside as outside: the gradient of what is not chosen must be finite, too.
        return [jnp.where(in_reach, height / jnp.where(in_reach, upright, 1.0), reach)]


SENSOR_TYPES.add("rangefinder", Rangefinder())
