"""Time, and sine and cosine of a frequency."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from diffsim.math.indexing import column
from diffsim.robots.config import RobotConfig, SensorConfig
from diffsim.robots.numbers import numbers
from diffsim.sensors.sensor_type import Moment, SensorType, single
from diffsim.validation import ConfigError


class Clock(SensorType):
    """Time since the start of the episode."""

    components = single("s")
    sees_motion = False
    sees_time = True

    def read(self, moment: Moment, sensors: Sequence[SensorConfig]) -> Sequence[jax.Array]:
        time = moment.state.time
        return [jnp.broadcast_to(time, (len(sensors), *time.shape))]


class Sine(Clock):
    """Sine of a frequency times 2πt."""

    uses = ("frequency",)
    components = single("1")

    def check(self, robot: RobotConfig, sensor: SensorConfig, key: str) -> None:
        if sensor.frequency is None:
            raise ConfigError(f"{key}.frequency must be given for a {sensor.type} sensor")

    def read(self, moment: Moment, sensors: Sequence[SensorConfig]) -> Sequence[jax.Array]:
        return [jnp.sin(self.phase(moment, sensors))]

    def phase(self, moment: Moment, sensors: Sequence[SensorConfig]) -> jax.Array:
        """Phase of each sensor [rad], shape (sensors,)."""
        time = moment.state.time
        frequency = numbers([sensor.frequency for sensor in sensors])
        return 2.0 * math.pi * column(frequency, time[None]) * time


class Cosine(Sine):
    """Cosine of a frequency times 2πt."""

    def read(self, moment: Moment, sensors: Sequence[SensorConfig]) -> Sequence[jax.Array]:
        return [jnp.cos(self.phase(moment, sensors))]
