"""All readings of a robot as one vector for a controller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.math.indexing import gather
from diffsim.math.vectors import Vec3
from diffsim.robots.check import split_components
from diffsim.robots.config import RobotConfig, SensorConfig
from diffsim.sensors.sensor_type import Moment, SensorType
from diffsim.sensors.table import SENSOR_TYPES
from diffsim.world.world import State, World


class _Alike(NamedTuple):
    """Sensors that are read together: of one type, with the same keys and components."""

    type: SensorType
    sensors: dict[str, SensorConfig]
    components: Mapping[str, str]


class Sensors:
    """The sensors of one robot.

    Attributes:
        names: of all readings in order, e.g. "height.z"; sensors of one number have no suffix.
        units: of all readings.
        clocked: whether any of them changes with time by itself.
        closed: whether any of them depends on the robot's motion; if not, all readings of an
            episode are known before it begins.
    """

    def __init__(self, robot: RobotConfig) -> None:
        """The sensors of a checked robot; its numbers may be traced."""
        alike: dict[object, _Alike] = {}
        readings: dict[tuple[str, str], str] = {}
        for name, sensor in robot.sensors.items():
            kind = SENSOR_TYPES[sensor.type]
            components = kind.components_of(robot, sensor)
            readings |= {(name, c): components[c] for c in _chosen(sensor, components)}
            given = tuple(getattr(sensor, field) is not None for field in kind.uses)
            key = (sensor.type, given, *components)
            alike.setdefault(key, _Alike(kind, {}, components)).sensors[name] = sensor
        self._alike = (*alike.values(),)
        self.names = tuple(f"{name}.{c}" if c else name for name, c in readings)
        self.units = (*readings.values(),)
        self.clocked = any(group.type.sees_time for group in self._alike)
        self.closed = any(group.type.sees_motion for group in self._alike)
        pool = [
            (name, c) for group in self._alike for c in group.components for name in group.sensors
        ]
        self._order = tuple(pool.index(reading) for reading in readings)

    def read(self, world: World, state: State, goal: Vec3 | None = None) -> jax.Array:
        """All readings of a state, shape (readings,).

        Args:
            world, state: of the robot.
            goal: of the episode [m], components of shape (); only read by sensors of that type.
        """
        if not self._order:
            return jnp.zeros((0, *state.time.shape), state.time.dtype)
        moment = Moment(world, state, goal)
        pool = [
            component
            for group in self._alike
            for component in group.type.read(moment, [*group.sensors.values()])
        ]
        return gather(jnp.concatenate(pool), self._order)


def _chosen(sensor: SensorConfig, components: Mapping[str, str]) -> Iterable[str]:
    """Components that a sensor gives, in the order of its file."""
    text = sensor.components
    return components if text is None else split_components(text, components)
