"""Normal force on a body."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from diffsim.math.indexing import gather, scatter_add
from diffsim.robots.config import RobotConfig, SensorConfig
from diffsim.robots.ground import bodies_at_ground
from diffsim.sensors.sensor_type import Moment, SensorType, single
from diffsim.validation import ConfigError


class ContactForce(SensorType):
    """Mean normal force of the last step on a body, over all its contacts."""

    uses = ("body",)
    components = single("N")

    def check(self, robot: RobotConfig, sensor: SensorConfig, key: str) -> None:
        if sensor.body not in _touching(robot):
            raise ConfigError(
                f"{key}.body must be one that touches something, by ground_contact or in "
                f"contact_pairs, got '{sensor.body}'"
            )

    def read(self, moment: Moment, sensors: Sequence[SensorConfig]) -> Sequence[jax.Array]:
        world = moment.world
        ends = zip(world.contacts.geom_a, world.contacts.geom_b, strict=True)
        parts = [{world.geoms.parts[geom] for geom in pair} for pair in ends]
        bodies = [world.parts.names.index(str(sensor.body)) for sensor in sensors]
        touching = [
            (contact, sensor)
            for contact, touched in enumerate(parts)
            for sensor, body in enumerate(bodies)
            if body in touched
        ]
        force = moment.state.impulses.contact.normal / world.timestep
        found = gather(force, tuple(contact for contact, _ in touching))
        nothing = jnp.zeros((len(sensors), *force.shape[1:]), force.dtype)
        return [scatter_add(nothing, tuple(sensor for _, sensor in touching), found)]


def _touching(robot: RobotConfig) -> set[str]:
    """Bodies that have a contact."""
    paired = (name.partition(".")[0] for pair in robot.contact_pairs for name in pair)
    return bodies_at_ground(robot).union(paired)
