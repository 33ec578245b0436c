"""What ``check_robot`` refuses: the message names the key and the value."""

from __future__ import annotations

from collections.abc import Callable

import jax
import pytest

from diffsim.robots.check import check_robot
from diffsim.robots.config import JointConfig, RobotConfig
from diffsim.robots.replace import replace
from diffsim.validation import check
from tests.robots.sound import (
    Change,
    all_of,
    assert_refused,
    hinge,
    setting,
    sound_mechanism,
    sound_robot,
)


@pytest.mark.parametrize("make", [sound_robot, sound_mechanism])
def test_a_sound_robot_passes(make: Callable[[], RobotConfig]) -> None:
    check(make(), "robot")
    check_robot(make())


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
        ["robot.contact_pairs[0]", "shapes can touch", "['a', 'c']", "sphere and box"],
    ),
    "unknown shape": (
        setting("bodies.a.shape", "cone"),
        ["robot.bodies.a.shape", "one of sphere, box", "'cone'"],
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
def test_an_inconsistent_robot_is_refused(change: Change, parts: list[str]) -> None:
    assert_refused(change(sound_robot()), parts)


ALLOWED = {
    "a loop before the joint that carries": all_of(
        setting("motors", {}),
        setting("sensors", {}),
        setting(
            "joints",
            {
                "tie": JointConfig(type="ball", parent="world", child="arm", closes_loop=True),
                "rail": JointConfig(type="slider", parent="world", child="cart"),
                "neck": JointConfig(type="universal", parent="cart", child="arm"),
            },
        ),
    ),
    "only loops on a root": setting(
        "joints.loose", JointConfig(type="ball", parent="cart", child="ring", closes_loop=True)
    ),
    "a root that hangs on no world": setting("joints.rail", hinge("ring", "cart")),
    "defaults said aloud": setting("bodies.arm.position", [0, 0, 0]),
    "start on a limit": setting("joints.neck.position", [-1.0, 100.0]),
    "whole numbers": setting("joints.rail.upper", [1]),
    "infinite limits": setting("joints.rail.upper", [float("inf")]),
    "touch by a pair alone": setting("bodies.ring.ground_contact", False),
}


@pytest.mark.parametrize("change", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_is_unusual_but_sound_passes(change: Change) -> None:
    robot = change(sound_mechanism())
    check(robot, "robot")
    check_robot(robot)


def test_traced_numbers_pass() -> None:
    """They have no value to compare; whether there are as many as there should be is known."""

    def build(x: jax.Array) -> jax.Array:
        values = {
            "bodies.cart.size": x,
            "bodies.arm.position": x,
            "bodies.tip.radius": x[0],
            "bodies.ring.orientation": [x[0], 0.0, 0.0, 0.0],
            "bodies.ring.inertia": x,
            "joints.neck.axis": x,
            "joints.neck.second_axis": [x[0], 1.0, 0.0],
            "joints.neck.position": [x[0], 0.1],
            "joints.neck.lower": x[:2],
            "joints.rail.lower": [x[0]],
            "joints.loose.child_offset": x,
            "motors.drive.command_range": [x[0], x[0]],
            "motors.nod.gain": x[0],
            "sensors.far.target": x,
            "sensors.sine.frequency": x[0],
        }
        robot = replace(sound_mechanism(), values)
        check(robot, "robot")
        check_robot(robot)
        return x

    jax.jit(build)(jax.numpy.zeros(3))
