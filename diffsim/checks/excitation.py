"""Excitation of a robot during a check: a sine of its own for every motor and thruster.

    command(t) = offset + amplitude · sin(2π f t + phase) + weights · readings

The sines' phases are spread by the golden ratio. They go about the robot's start as far as the
ranges of commands and joints allow. The weights, for the gradients only, are small and random.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.checks.config import CheckSettings
from diffsim.joints.table import JOINT_TYPES
from diffsim.robots.config import MotorConfig, RobotConfig, motor_limit
from diffsim.sensors.sensors import Sensors
from diffsim.simulate.rollout import Policy
from diffsim.world.world import Control, State, World

GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)
FEEDBACK = 0.05
"""Share of a command's amplitude that the readings add to it, when they are of usual size."""
USUAL = {"N": 100.0, "m/s²": 10.0}
"""Usual size of readings by their unit; of others, 1."""


class Excitation(NamedTuple):
    """The parameters of the law above, in the units of the commands.

    Attributes:
        offset, amplitude: shape (commands,).
        weights: shape (commands, readings).
    """

    offset: Any
    amplitude: Any
    weights: Any


def sines(robot: RobotConfig, settings: CheckSettings, readings: int) -> Excitation:
    """Sines alone: thrusters first, then motors."""
    pairs = [
        *((0.0, settings.drive_share * thruster.limit) for thruster in robot.thrusters.values()),
        *(_sine(robot, motor, settings) for motor in robot.motors.values()),
    ]
    offset, amplitude = np.array(pairs).reshape(-1, 2).T
    return Excitation(offset, amplitude, np.zeros((len(pairs), readings)))


def nothing(like: Excitation) -> Excitation:
    """All commands zero."""
    return Excitation(*(np.zeros_like(part) for part in like))


def with_feedback(
    excitation: Excitation, units: Sequence[str], random: np.random.Generator
) -> Excitation:
    """Add small random weights of the readings, which have these units."""
    scale = feedback_scale(excitation, units)
    return excitation._replace(weights=FEEDBACK * scale * random.standard_normal(scale.shape))


def feedback_scale(excitation: Excitation, units: Sequence[str]) -> np.ndarray:
    """The weights with which usual readings, all together, make up about the amplitudes."""
    usual = np.array([USUAL.get(unit, 1.0) for unit in units])
    return excitation.amplitude[:, None] / (usual * math.sqrt(max(1, len(units))))


def policy(
    robot: RobotConfig, world: World, excitation: Excitation, settings: CheckSettings
) -> Policy:
    """Policy without memory that follows the law above; numbers may be traced."""
    sensors = Sensors(robot)
    phase = 2.0 * math.pi * GOLDEN * np.arange(len(robot.thrusters) + len(robot.motors))

    def apply(memory: Any, state: State) -> tuple[Any, Control]:
        angle = 2.0 * math.pi * settings.drive_frequency * state.time + phase
        command = excitation.offset + excitation.amplitude * jnp.sin(angle)
        if sensors.names:
            command = command + _times(excitation.weights, sensors.read(world, state))
        return memory, Control(command)

    return Policy(apply)


def _times(weights: jax.Array, readings: jax.Array) -> jax.Array:
    return jnp.sum(weights * readings, axis=-1)


def _sine(robot: RobotConfig, motor: MotorConfig, settings: CheckSettings) -> tuple[float, float]:
    """Offset and amplitude of a motor's commands."""
    joint = robot.joints[motor.joint]
    kind = JOINT_TYPES[joint.type]
    turns = kind.units[motor.coordinate] == "rad"
    reach = settings.drive_angle if turns else settings.drive_distance
    low, high = (-math.inf, math.inf) if motor.command_range is None else motor.command_range
    middle = 0.0
    if motor.type == "position":
        if joint.lower is not None:
            low = max(low, joint.lower[motor.coordinate])
        if joint.upper is not None:
            high = min(high, joint.upper[motor.coordinate])
        middle = 0.0 if joint.position is None else joint.position[motor.coordinate]
    elif motor.type == "velocity":
        reach = min(
            2.0 * math.pi * settings.drive_frequency * reach,
            settings.drive_share * motor.max_velocity,
        )
    else:
        reach = settings.drive_share * motor_limit(robot, motor)
    if math.isfinite(high - low):
        reach = min(reach, settings.drive_share * (high - low), 0.5 * (high - low))
    return min(max(middle, low + reach), high - reach), reach
