"""Every number of a robot's file has bounds, and a message that names them."""

from __future__ import annotations

import pytest

from diffsim.robots.check import check_robot
from diffsim.robots.config import BodyConfig
from diffsim.robots.replace import replace
from diffsim.validation import ConfigError, check
from tests.robots.sound import sound_mechanism, sound_robot

NUMBERS = {
    "bodies.a.radius": (0.0, "robot.bodies.a.radius must be > 0, got 0.0"),
    "bodies.c.size": ([0.1, 0.2], "robot.bodies.c.size must have 3 numbers, got [0.1, 0.2]"),
    "bodies.a.density": (-1.0, "robot.bodies.a.density must be > 0, got -1.0"),
    "bodies.a.mass": (0.0, "robot.bodies.a.mass must be > 0, got 0.0"),
    "bodies.b.inertia": ([1.0, 0.0, 1.0], "robot.bodies.b.inertia[1] must be > 0, got 0.0"),
    "bodies.a.restitution": (1.5, "robot.bodies.a.restitution must be <= 1, got 1.5"),
    "friction": (-0.1, "robot.friction must be >= 0, got -0.1"),
    "contact_frequency": (0.0, "robot.contact_frequency must be > 0, got 0.0"),
    "contact_damping_ratio": (
        float("inf"),
        "robot.contact_damping_ratio must be a finite number, got inf",
    ),
    "thrusters.push.limit": (0.0, "robot.thrusters.push.limit must be > 0, got 0.0"),
    "thrusters.push.type": (
        "pull",
        "robot.thrusters.push.type must be one of force, torque, got 'pull'",
    ),
    "thrusters.push.axis": (
        [0.0, None, 1.0],
        "robot.thrusters.push.axis[1] must be a number, got None",
    ),
    "bodies.a.position": ("here", "robot.bodies.a.position must be a list, got 'here'"),
    "bodies.b.radius": (True, "robot.bodies.b.radius must be a number, got True"),
    "bodies.b.ground_contact": (1, "robot.bodies.b.ground_contact must be true or false, got 1"),
    "bodies.c": (None, "robot.bodies.c must be a mapping with shape, radius, "),
    "thrusters.push": (BodyConfig(), "robot.thrusters.push must be a mapping with body, type, "),
    "joints": ([], "robot.joints must be a mapping, got []"),
    "max_force": (0.0, "robot.max_force must be > 0, got 0.0"),
    "sensors.clock.frequency": (0.0, "robot.sensors.clock.frequency must be > 0, got 0.0"),
    "sensors.place.target": (
        [0.0, float("nan"), 0.0],
        "robot.sensors.place.target[1] must be a finite number, got nan",
    ),
}


@pytest.mark.parametrize("path", NUMBERS)
def test_a_value_out_of_bounds_is_refused(path: str) -> None:
    value, message = NUMBERS[path]
    robot = replace(sound_robot(), {path: value})
    with pytest.raises(ConfigError) as error:
        check(robot, "robot")
    assert str(error.value).startswith(message)


JOINT_NUMBERS = {
    "axis": ([0.0, 1.0], "robot.joints.rail.axis must have 3 numbers, got [0.0, 1.0]"),
    "position": ([float("inf")], "robot.joints.rail.position[0] must be a finite number, got inf"),
    "lower": ([float("nan")], "robot.joints.rail.lower[0] must be a finite number, got nan"),
    "upper": ([None], "robot.joints.rail.upper[0] must be a number, got None"),
    "frequency": (0.0, "robot.joints.rail.frequency must be > 0, got 0.0"),
    "damping_ratio": (-1.0, "robot.joints.rail.damping_ratio must be >= 0, got -1.0"),
}


@pytest.mark.parametrize("field", JOINT_NUMBERS)
def test_a_joints_value_out_of_bounds_is_refused(field: str) -> None:
    value, message = JOINT_NUMBERS[field]
    robot = replace(sound_mechanism(), {f"joints.rail.{field}": value})
    with pytest.raises(ConfigError) as error:
        check(robot, "robot")
    assert str(error.value) == message


MOTOR_NUMBERS = {
    "coordinate": (-1, "robot.motors.drive.coordinate must be >= 0, got -1"),
    "type": ("servo", "robot.motors.drive.type must be one of position, velocity, torque, "),
    "gain": (0.0, "robot.motors.drive.gain must be > 0, got 0.0"),
    "max_force": (float("inf"), "robot.motors.drive.max_force must be a finite number, got inf"),
    "max_velocity": (0.0, "robot.motors.drive.max_velocity must be > 0, got 0.0"),
    "command_range": ([0.0], "robot.motors.drive.command_range must have 2 numbers, got [0.0]"),
}


@pytest.mark.parametrize("field", MOTOR_NUMBERS)
def test_a_motors_value_out_of_bounds_is_refused(field: str) -> None:
    value, message = MOTOR_NUMBERS[field]
    robot = replace(sound_mechanism(), {f"motors.drive.{field}": value})
    with pytest.raises(ConfigError) as error:
        check(robot, "robot")
    assert str(error.value).startswith(message)


def test_a_whole_number_beyond_any_float_is_refused() -> None:
    robot = replace(sound_mechanism(), {"motors.drive.coordinate": 10**400})
    check(robot, "robot")
    with pytest.raises(ConfigError, match="must be < 1 for a slider"):
        check_robot(robot)


def test_an_infinite_contact_frequency_is_allowed() -> None:
    check(replace(sound_robot(), {"contact_frequency": float("inf")}), "robot")
