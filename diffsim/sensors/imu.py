"""An inertial measurement unit."""

from __future__ import annotations

from collections.abc import Sequence

import jax

from diffsim.robots.config import SensorConfig
from diffsim.sensors.sensor_type import Moment, SensorType


class Imu(SensorType):
    """Acceleration minus gravity, and angular rate, both in the axes of the body."""

    uses = ("body",)
    components = dict.fromkeys(("ax", "ay", "az"), "m/s²") | dict.fromkeys(
        ("wx", "wy", "wz"), "rad/s"
    )

    def read(self, moment: Moment, sensors: Sequence[SensorConfig]) -> Sequence[jax.Array]:
        world, state = moment.world, moment.state
        own = moment.motion(sensor.body for sensor in sensors)
        parts = world.parts
        carrier = tuple(parts.body[parts.names.index(str(sensor.body))] for sensor in sensors)
        arm = own.pose.position - state.pose.position.gather(carrier)
        omega = own.twist.angular
        inertial = state.acceleration.gather(carrier).at(arm) + omega.cross(omega.cross(arm))
        into = own.pose.rotation.transpose_times
        return [*into(inertial - world.gravity), *into(omega)]
