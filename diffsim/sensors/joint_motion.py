"""Coordinates of a joint, and their rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax

from diffsim.joints.coordinates import joint_coordinates, joint_rates
from diffsim.joints.table import JOINT_TYPES
from diffsim.robots.check import coordinate_count
from diffsim.robots.config import RobotConfig, SensorConfig
from diffsim.sensors.sensor_type import Moment, SensorType
from diffsim.validation import ConfigError


class JointMotion(SensorType):
    """Base of sensors with one number for each coordinate of a joint."""

    uses = ("joint",)

    def components_of(self, robot: RobotConfig, sensor: SensorConfig) -> Mapping[str, str]:
        units = JOINT_TYPES[robot.joints[str(sensor.joint)].type].units
        if len(units) == 1:
            return {"": units[0]}
        return {str(number): unit for number, unit in enumerate(units)}

    def check(self, robot: RobotConfig, sensor: SensorConfig, key: str) -> None:
        joint = robot.joints[str(sensor.joint)]
        if coordinate_count(joint) == 0:
            raise ConfigError(
                f"{key}.joint must have a coordinate, a {joint.type} one has none; got "
                f"'{sensor.joint}'"
            )

    def read(self, moment: Moment, sensors: Sequence[SensorConfig]) -> Sequence[jax.Array]:
        joints = moment.world.joints
        index = [joints.names.index(str(sensor.joint)) for sensor in sensors]
        freedoms = JOINT_TYPES[joints.types[index[0]]].freedoms
        found = self.measure(moment, [(joint, k) for k in range(freedoms) for joint in index])
        return [found[k * len(index) : (k + 1) * len(index)] for k in range(freedoms)]

    def measure(self, moment: Moment, coordinates: Sequence[tuple[int, int]]) -> jax.Array:
        """One number for each coordinate, given by joint and number, shape (coordinates,)."""
        raise NotImplementedError


class JointPosition(JointMotion):
    """Coordinates [rad] or [m]; an angle counts turns."""

    def measure(self, moment: Moment, coordinates: Sequence[tuple[int, int]]) -> jax.Array:
        joints, angles = moment.world.joints, moment.state.angles
        return joint_coordinates(joints, moment.joint_frames, coordinates, angles)


class JointVelocity(JointMotion):
    """Rates of the coordinates [rad/s] or [m/s]."""

    def components_of(self, robot: RobotConfig, sensor: SensorConfig) -> Mapping[str, str]:
        positions = super().components_of(robot, sensor)
        return {name: f"{unit}/s" for name, unit in positions.items()}

    def measure(self, moment: Moment, coordinates: Sequence[tuple[int, int]]) -> jax.Array:
        joints, state = moment.world.joints, moment.state
        return joint_rates(
            joints, moment.joint_frames, state.pose.position, state.twist, coordinates
        )
