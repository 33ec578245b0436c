"""The goal of the episode."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from diffsim.robots.config import SensorConfig
from diffsim.sensors.sensor_type import Moment, SensorType


class Goal(SensorType):
    """The point that the task sets in each episode, in the world."""

    components = dict.fromkeys("xyz", "m")
    sees_motion = False
    needs_goal = True

    def read(self, moment: Moment, sensors: Sequence[SensorConfig]) -> Sequence[jax.Array]:
        assert moment.goal is not None, "this task sets no goals"
        return [jnp.broadcast_to(c, (len(sensors), *c.shape)) for c in moment.goal]
