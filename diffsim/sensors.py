"""What a robot can measure of its own motion and of time, as one vector for its controller."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from diffsim.engine.world import State
from diffsim.robots.config import RobotConfig

_COMPONENTS = {"position": "xyz", "velocity": "xyz", "angular_velocity": "xyz", "time": ""}


def sensor_names(robot: RobotConfig) -> tuple[str, ...]:
    """Names of all readings in order, e.g. "height.z"; vectors have one for each component."""
    return tuple(
        f"{name}.{component}" if component else name
        for name, sensor in robot.sensors.items()
        for component in (_COMPONENTS[sensor.type] or [""])
    )


def read_sensors(robot: RobotConfig, state: State) -> jax.Array:
    """All readings of a state, shape (readings,): [m], [m/s], [rad/s] in the world frame, [s]."""
    bodies = list(robot.bodies)
    readings = []
    for sensor in robot.sensors.values():
        if sensor.type == "time":
            readings.append(state.time)
        else:
            index = bodies.index(str(sensor.body))
            readings += [component[index] for component in getattr(state, sensor.type)]
    return jnp.stack(readings) if readings else jnp.zeros(0, state.time.dtype)
