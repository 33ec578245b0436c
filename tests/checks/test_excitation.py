"""Every actuator is driven, within what it may do; starts are near the robot's own."""

from __future__ import annotations

import math

import numpy as np
import pytest

from diffsim.checks.config import CheckSettings
from diffsim.checks.excitation import sines
from diffsim.checks.start import GAP, lowered, nudged
from diffsim.robots.check import check_robot
from diffsim.robots.config import MotorConfig, RobotConfig
from diffsim.robots.ground import is_tied
from diffsim.robots.placement import place
from diffsim.robots.replace import replace
from diffsim.validation import check
from tests.robots_in_package import ARTICULATED, robot_config

SETTINGS = CheckSettings()
ROUND_OFF = 1e-6  # heights are computed in float32


def of_motor(joint: dict[str, list[float]], **motor: object) -> tuple[float, float]:
    """Offset and amplitude of a motor on the arm's elbow_pitch."""
    changes = {
        f"joints.elbow_pitch.{key}": value
        for key, value in {"lower": None, "upper": None, **joint}.items()
    }
    motors = {"motor": MotorConfig(joint="elbow_pitch", max_force=10.0, **motor)}
    robot = replace(robot_config("arm"), {"motors": motors, **changes})
    drive = sines(robot, SETTINGS, readings=0)
    return float(drive.offset[0]), float(drive.amplitude[0])


@pytest.mark.parametrize("name", ARTICULATED)
def test_every_motor_moves_within_its_range(name: str) -> None:
    robot = robot_config(name)
    drive = sines(robot, SETTINGS, readings=3)
    assert drive.weights.shape == (len(robot.motors), 3)
    assert np.all(drive.amplitude > 0.0)
    for motor, offset, amplitude in zip(
        robot.motors.values(), drive.offset, drive.amplitude, strict=True
    ):
        low, high = motor.command_range or (-math.inf, math.inf)
        assert low <= offset - amplitude
        assert offset + amplitude <= high


def test_a_servo_moves_about_its_start() -> None:
    assert of_motor({"position": [1.0]}) == (1.0, SETTINGS.drive_angle)


def test_a_servo_stays_off_its_limits() -> None:
    offset, amplitude = of_motor({"position": [1.0], "upper": [1.1]})
    assert offset + amplitude == pytest.approx(1.1)
    offset, amplitude = of_motor({"lower": [-0.1], "upper": [0.4]}, command_range=[0.0, 1.0])
    assert amplitude == pytest.approx(SETTINGS.drive_share * 0.4)
    assert offset - amplitude >= 0.0


def test_velocities_would_turn_the_joint_as_far_as_positions() -> None:
    offset, amplitude = of_motor({}, type="velocity")
    assert (offset, amplitude) == (0.0, 2.0 * math.pi * SETTINGS.drive_angle)
    assert of_motor({}, type="velocity", max_velocity=1.0)[1] == SETTINGS.drive_share


def test_torques_are_a_share_of_the_largest() -> None:
    assert of_motor({}, type="torque") == (0.0, SETTINGS.drive_share * 10.0)


@pytest.mark.parametrize("name", [*ARTICULATED, "ball"])
def test_a_nudged_robot_can_be_built(name: str) -> None:
    robot = robot_config(name)
    moved = nudged(robot, SETTINGS, np.random.default_rng(0))
    check(moved, "robot")
    check_robot(moved)
    assert moved != robot
    assert nudged(robot, SETTINGS, np.random.default_rng(0)) == moved


def test_a_joint_is_not_nudged_beyond_its_limits() -> None:
    robot = replace(
        robot_config("arm"),
        {
            "joints.elbow_pitch.lower": [0.0],
            "joints.elbow_pitch.upper": [0.02],
            "joints.elbow_pitch.position": [0.02],
        },
    )
    for seed in range(20):
        moved = nudged(robot, SETTINGS, np.random.default_rng(seed)).joints["elbow_pitch"].position
        assert moved is not None
        assert 0.0 < moved[0] < 0.02


def test_a_linkage_is_nudged_at_its_roots_only() -> None:
    robot = replace(robot_config("cartpole"), {"joints.end.closes_loop": True})
    moved = nudged(robot, SETTINGS, np.random.default_rng(0))
    assert moved.joints == robot.joints
    assert moved.bodies["weight"] != robot.bodies["weight"]


def lowest(robot: RobotConfig) -> float:
    placed = place(robot)
    return min(
        float(placed[name].pose.position.z) - float(body.radius or 0.0)
        for name, body in robot.bodies.items()
        if body.shape == "sphere"
    )


@pytest.mark.parametrize("name", ["ball", "quadruped"])
def test_a_lowered_robot_is_about_to_touch_the_ground(name: str) -> None:
    moved = lowered(nudged(robot_config(name), SETTINGS, np.random.default_rng(0)))
    assert lowest(moved) == pytest.approx(GAP, abs=ROUND_OFF)


def test_a_robot_that_is_tied_to_the_world_stays_where_it_is() -> None:
    robot = robot_config("arm")
    assert is_tied(robot)
    assert lowered(robot) == robot
