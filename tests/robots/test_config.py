"""What ``check_robot`` refuses: the message names the key and the value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from diffsim.robots.config import (
    BodyConfig,
    RobotConfig,
    SensorConfig,
    ThrusterConfig,
    check_robot,
)
from diffsim.validation import ConfigError, check


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


def test_a_sound_robot_passes() -> None:
    check(sound_robot(), "robot")
    check_robot(sound_robot())


def setting(path: str, value: Any) -> Callable[[RobotConfig], None]:
    """Sets e.g. ``bodies.a.radius``: attributes of configs, entries of dicts."""
    *parents, name = path.split(".")

    def change(robot: RobotConfig) -> None:
        node: Any = robot
        for parent in parents:
            node = node[parent] if isinstance(node, dict) else getattr(node, parent)
        if isinstance(node, dict):
            node[name] = value
        else:
            setattr(node, name, value)

    return change


ERRORS = {
    "no body": (setting("bodies", {}), ["robot.bodies", "at least one", "'sound'"]),
    "sphere without radius": (
        setting("bodies.a.radius", None),
        ["robot.bodies.a.radius", "must be given for a sphere"],
    ),
    "box without size": (
        setting("bodies.c.size", None),
        ["robot.bodies.c.size", "must be given for a box"],
    ),
    "no orientation": (
        setting("bodies.b.orientation", [0.0, 0.0, 0.0, 0.0]),
        ["robot.bodies.b.orientation", "[0.0, 0.0, 0.0, 0.0]"],
    ),
    "impossible inertia": (
        setting("bodies.b.inertia", [1.0, 2.0, 3.1]),
        ["robot.bodies.b.inertia", "triangle inequality", "[1.0, 2.0, 3.1]"],
    ),
    "pair of one": (
        setting("contact_pairs", [["a", "b"], ["a"]]),
        ["robot.contact_pairs[1]", "two different bodies", "['a']"],
    ),
    "pair with itself": (
        setting("contact_pairs", [["a", "a"]]),
        ["robot.contact_pairs[0]", "two different bodies", "['a', 'a']"],
    ),
    "pair with a stranger": (
        setting("contact_pairs", [["a", "z"]]),
        ["robot.contact_pairs[0]", "one of a, b, c", "'z'"],
    ),
    "pair with a box": (
        setting("contact_pairs", [["a", "c"]]),
        ["robot.contact_pairs[0]", "spheres", "'c'"],
    ),
    "pair twice": (
        setting("contact_pairs", [["a", "b"], ["b", "a"]]),
        ["robot.contact_pairs[1]", "repeat", "['b', 'a']"],
    ),
    "thruster on a stranger": (
        setting("thrusters.push.body", "z"),
        ["robot.thrusters.push.body", "one of a, b, c", "'z'"],
    ),
    "thruster without axis": (
        setting("thrusters.push.axis", [0.0, 0.0, 0.0]),
        ["robot.thrusters.push.axis", "[0.0, 0.0, 0.0]"],
    ),
    "clock on a body": (
        setting("sensors.clock.body", "a"),
        ["robot.sensors.clock.body", "null", "'a'"],
    ),
    "sensor on a stranger": (
        setting("sensors.place.body", "z"),
        ["robot.sensors.place.body", "one of a, b, c", "'z'"],
    ),
    "sensor without body": (
        setting("sensors.place.body", None),
        ["robot.sensors.place.body", "one of a, b, c", "'None'"],
    ),
}


@pytest.mark.parametrize(("change", "parts"), ERRORS.values(), ids=ERRORS.keys())
def test_an_inconsistent_robot_is_refused(
    change: Callable[[RobotConfig], None], parts: list[str]
) -> None:
    robot = sound_robot()
    change(robot)
    with pytest.raises(ConfigError) as error:
        check_robot(robot)
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


NUMBERS = {
    "bodies.a.radius": (0.0, "robot.bodies.a.radius must be > 0, got 0.0"),
    "bodies.c.size": ([0.1, 0.2], "robot.bodies.c.size must have 3 numbers, got [0.1, 0.2]"),
    "bodies.a.density": (-1.0, "robot.bodies.a.density must be > 0, got -1.0"),
    "bodies.a.mass": (0.0, "robot.bodies.a.mass must be > 0, got 0.0"),
    "bodies.b.inertia": ([1.0, 0.0, 1.0], "robot.bodies.b.inertia[1] must be > 0, got 0.0"),
    "bodies.a.shape": ("cone", "robot.bodies.a.shape must be one of sphere, box, got 'cone'"),
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
}


@pytest.mark.parametrize("path", NUMBERS)
def test_a_value_out_of_bounds_is_refused(path: str) -> None:
    value, message = NUMBERS[path]
    robot = sound_robot()
    setting(path, value)(robot)
    with pytest.raises(ConfigError) as error:
        check(robot, "robot")
    assert str(error.value) == message


def test_an_infinite_contact_frequency_is_allowed() -> None:
    robot = sound_robot()
    robot.contact_frequency = float("inf")
    check(robot, "robot")
