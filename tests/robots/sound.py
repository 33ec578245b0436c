"""Robots whose files are in order, and ways to spoil them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from diffsim.robots.check import check_robot
from diffsim.robots.config import (
    BodyConfig,
    JointConfig,
    MotorConfig,
    RobotConfig,
    SensorConfig,
    ThrusterConfig,
)
from diffsim.robots.replace import replace
from diffsim.validation import ConfigError

Change = Callable[[RobotConfig], RobotConfig]


def sound_robot() -> RobotConfig:
    """Two spheres and a box, a pair that may collide, a thruster and two sensors."""
    return RobotConfig(
        name="sound",
        bodies={
            "a": BodyConfig(shape="sphere", radius=0.1),
            "b": BodyConfig(shape="sphere", radius=0.2, inertia=[1.0, 2.0, 3.0]),
            "c": BodyConfig(shape="box", size=[0.1, 0.2, 0.3]),
        },
        contact_pairs=[["a", "b"]],
        thrusters={"push": ThrusterConfig(body="a", limit=1.0)},
        sensors={
            "clock": SensorConfig(type="time"),
            "place": SensorConfig(type="position", body="b"),
        },
    )


def sound_mechanism() -> RobotConfig:
    """A joint of every type, one of them closing a loop; motors and sensors of every type."""
    return RobotConfig(
        name="mechanism",
        bodies={
            "cart": BodyConfig(shape="box", size=[0.3, 0.2, 0.1]),
            "arm": BodyConfig(shape="box", size=[0.1, 0.1, 1.0]),
            "hand": BodyConfig(shape="box", size=[0.1, 0.1, 0.1]),
            "tip": BodyConfig(shape="sphere", radius=0.1, frictionless=True),
            "ring": BodyConfig(shape="sphere", radius=0.2, position=[1.0, 0.0, 0.2]),
        },
        joints={
            "rail": JointConfig(
                type="slider", parent="world", child="cart", lower=[-1.0], upper=[2.0]
            ),
            "neck": JointConfig(
                type="universal",
                parent="cart",
                child="arm",
                position=[0.1, 0.2],
                velocity=[0.0, 1.0],
                lower=[-1.0, float("-inf")],
            ),
            "wrist": JointConfig(type="ball", parent="arm", child="hand", upper=[1.0, 1.0, 1.0]),
            "end": JointConfig(type="fixed", parent="hand", child="tip"),
            "loose": JointConfig(type="free", parent="world", child="ring"),
            "tie": JointConfig(type="hinge", parent="tip", child="ring", closes_loop=True),
        },
        motors={
            "drive": MotorConfig(joint="rail", max_force=1.0, command_range=[-1.0, 1.0]),
            "nod": MotorConfig(joint="neck", coordinate=1, type="velocity", max_force=1.0),
            "twist": MotorConfig(joint="wrist", coordinate=2, type="torque", max_force=1.0),
        },
        contact_pairs=[["tip", "ring"]],
        sensors={
            "place": SensorConfig(type="position", body="tip", components="zx"),
            "speed": SensorConfig(type="velocity", body="tip", relative_to="cart"),
            "axes": SensorConfig(type="orientation", body="arm", components="xz zz"),
            "spin": SensorConfig(type="angular_velocity", body="arm", components="y"),
            "inertial": SensorConfig(type="imu", body="arm", components="ax wz"),
            "touch": SensorConfig(type="contact", body="ring"),
            "angle": SensorConfig(type="joint_position", joint="tie"),
            "rate": SensorConfig(type="joint_velocity", joint="wrist"),
            "far": SensorConfig(type="distance", body="tip", target=[1.0, 0.0, 0.0]),
            "apart": SensorConfig(type="distance", body="tip", relative_to="cart"),
            "clock": SensorConfig(type="time"),
            "sine": SensorConfig(type="sine", frequency=1.5),
            "cosine": SensorConfig(type="cosine", frequency=1.5),
        },
    )


def setting(path: str, value: Any) -> Change:
    """Another value of e.g. ``bodies.a.radius``, or of ``bodies.a``, which may be new."""
    group, _, entry = path.partition(".")

    def change(robot: RobotConfig) -> RobotConfig:
        if entry and "." not in entry:
            return replace(robot, {group: {**getattr(robot, group), entry: value}})
        return replace(robot, {path: value})

    return change


def all_of(*changes: Change) -> Change:
    def change(robot: RobotConfig) -> RobotConfig:
        for one in changes:
            robot = one(robot)
        return robot

    return change


def hinge(parent: str, child: str) -> JointConfig:
    return JointConfig(type="hinge", parent=parent, child=child)


def assert_refused(robot: RobotConfig, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        check_robot(robot)
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
