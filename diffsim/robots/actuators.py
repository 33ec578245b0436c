"""Actuators: thrusters and motors, with their units and ranges."""

from __future__ import annotations

import math
from typing import NamedTuple

from diffsim.joints.table import JOINT_TYPES
from diffsim.robots.config import MotorConfig, RobotConfig, motor_limit
from diffsim.validation import ConfigError


class Actuator(NamedTuple):
    """One number that the controller sets.

    Attributes:
        name: of the motor or thruster.
        kind: "position servo", "velocity servo", "torque motor", "force" or "torque".
        acts_on: the joint, with the number of its coordinate if it has several, or the body.
        unit: of the command.
        command: least and greatest, infinite for no limit.
        max_force, force_unit: that it never exceeds.
        max_rate, rate_unit: that a servo is not after beyond; infinite for none.
    """

    name: str
    kind: str
    acts_on: str
    unit: str
    command: tuple[float, float]
    max_force: float
    force_unit: str
    max_rate: float
    rate_unit: str


def actuators(robot: RobotConfig) -> list[Actuator]:
    """All actuators in the order in which a controller sets them: thrusters, then motors."""
    found = []
    for name, thruster in robot.thrusters.items():
        unit = "N·m" if thruster.type == "torque" else "N"
        found.append(
            Actuator(
                name=name,
                kind=thruster.type,
                acts_on=thruster.body,
                unit=unit,
                command=(-thruster.limit, thruster.limit),
                max_force=thruster.limit,
                force_unit=unit,
                max_rate=math.inf,
                rate_unit="",
            )
        )
    return [*found, *(_motor(robot, name, motor) for name, motor in robot.motors.items())]


def _motor(robot: RobotConfig, name: str, motor: MotorConfig) -> Actuator:
    units = JOINT_TYPES[robot.joints[motor.joint].type].units
    coordinate_unit = units[motor.coordinate]
    force_unit = "N·m" if coordinate_unit == "rad" else "N"
    unit = {"position": coordinate_unit, "velocity": f"{coordinate_unit}/s", "torque": force_unit}
    low, high = (-math.inf, math.inf) if motor.command_range is None else motor.command_range
    return Actuator(
        name=name,
        kind=f"{motor.type} {'motor' if motor.type == 'torque' else 'servo'}",
        acts_on=motor.joint if len(units) == 1 else f"{motor.joint}.{motor.coordinate}",
        unit=unit[motor.type],
        command=(low, high),
        max_force=motor_limit(robot, motor),
        force_unit=force_unit,
        max_rate=motor.max_velocity,
        rate_unit=f"{coordinate_unit}/s",
    )


def finite_ranges(robot: RobotConfig) -> list[tuple[float, float]]:
    """Least and greatest command of every actuator, for learners that need such bounds.

    A command without a range of its own goes as far as it has an effect: to the limits of the
    coordinate, or half a turn either way; to the largest velocity or force.

    Raises:
        ConfigError: for a command that nothing bounds.
    """
    ranges = []
    for actuator in actuators(robot):
        low, high = actuator.command
        motor = robot.motors.get(actuator.name)
        if motor is not None and math.isinf(high - low):
            low, high = _reach(robot, motor, actuator)
        if math.isinf(high - low):
            raise ConfigError(
                f"robot.motors.{actuator.name}.command_range must be given, nothing else bounds "
                f"its commands [{actuator.unit}]"
            )
        ranges.append((low, high))
    return ranges


def _reach(robot: RobotConfig, motor: MotorConfig, actuator: Actuator) -> tuple[float, float]:
    """Commands beyond which nothing changes."""
    if motor.type != "position":
        most = actuator.max_rate if motor.type == "velocity" else actuator.max_force
        return -most, most
    joint = robot.joints[motor.joint]
    half_a_turn = math.pi if actuator.unit == "rad" else math.inf
    low = -math.inf if joint.lower is None else joint.lower[motor.coordinate]
    high = math.inf if joint.upper is None else joint.upper[motor.coordinate]
    return (
        -half_a_turn if math.isinf(low) else low,
        half_a_turn if math.isinf(high) else high,
    )
