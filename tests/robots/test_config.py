"""What ``check_robot`` refuses: the message names the key and the value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
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


@pytest.mark.parametrize("make", [sound_robot, sound_mechanism])
def test_a_sound_robot_passes(make: Callable[[], RobotConfig]) -> None:
    check(make(), "robot")
    check_robot(make())


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
    assert_refused(robot, parts)


def assert_refused(robot: RobotConfig, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        check_robot(robot)
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def all_of(*changes: Callable[[RobotConfig], None]) -> Callable[[RobotConfig], None]:
    def change(robot: RobotConfig) -> None:
        for one in changes:
            one(robot)

    return change


def hinge(parent: str, child: str) -> JointConfig:
    return JointConfig(type="hinge", parent=parent, child=child)


MECHANISM_ERRORS = {
    # Motors.
    "no largest force": (
        setting("motors.drive.max_force", None),
        ["robot.motors.drive.max_force must be given", "robot.max_force"],
    ),
    # Bodies.
    "frictionless with friction": (
        setting("bodies.tip.friction", 0.5),
        ["robot.bodies.tip.friction", "frictionless", "0.5"],
    ),
    "direction too short for float32": (
        setting("bodies.ring.orientation", [1e-30, 0.0, 0.0, 0.0]),
        ["robot.bodies.ring.orientation", "length", "1e-30"],
    ),
    # Names.
    "joint named by a number": (
        setting("joints.1", hinge("world", "cart")),
        ["robot.joints", "letter", "'1'"],
    ),
    "joint named world": (
        setting("joints.world", hinge("world", "cart")),
        ["robot.joints", "none of", "'world'"],
    ),
    "motor with a dot": (
        setting("motors", {"a.b": MotorConfig(joint="rail", max_force=1.0)}),
        ["robot.motors", "'a.b'"],
    ),
    # Joints by themselves.
    "unknown joint type": (
        setting("joints.rail.type", "screw"),
        ["robot.joints.rail.type", "hinge, slider", "'screw'"],
    ),
    "unknown parent": (
        setting("joints.neck.parent", "car"),
        ["robot.joints.neck.parent", "world, cart, arm", "'car'"],
    ),
    "unknown child": (
        setting("joints.neck.child", "leg"),
        ["robot.joints.neck.child", "cart, arm", "'leg'"],
    ),
    "world as a child": (
        setting("joints.neck.child", "world"),
        ["robot.joints.neck.child", "cart, arm", "'world'"],
    ),
    "own parent": (
        setting("joints.neck.child", "cart"),
        ["robot.joints.neck.child", "another body", "'cart'"],
    ),
    "zero axis": (
        setting("joints.rail.axis", [0.0, 0.0, 0.0]),
        ["robot.joints.rail.axis", "zero", "[0.0, 0.0, 0.0]"],
    ),
    "zero second axis": (
        setting("joints.neck.second_axis", [0.0, 0.0, 0.0]),
        ["robot.joints.neck.second_axis", "zero"],
    ),
    "zero joint orientation": (
        setting("joints.end.orientation", [0.0, 0.0, 0.0, 0.0]),
        ["robot.joints.end.orientation", "zero"],
    ),
    "axes at an angle": (
        setting("joints.neck.second_axis", [0.0, 1.0, 1e-3]),
        ["robot.joints.neck.second_axis", "perpendicular", "[0.0, 0.0, 1.0]", "0.001"],
    ),
    # Coordinates.
    "too few positions": (
        setting("joints.neck.position", [0.1]),
        ["robot.joints.neck.position", "2 numbers", "universal", "[0.1]"],
    ),
    "too many velocities": (
        setting("joints.rail.velocity", [0.1, 0.2]),
        ["robot.joints.rail.velocity", "1 number", "slider", "[0.1, 0.2]"],
    ),
    "too few lower limits": (
        setting("joints.wrist.lower", [0.0]),
        ["robot.joints.wrist.lower", "3 numbers", "ball", "[0.0]"],
    ),
    "no upper limits": (
        setting("joints.rail.upper", []),
        ["robot.joints.rail.upper", "1 number", "[]"],
    ),
    "limits that cross": (
        setting("joints.rail.lower", [2.0]),
        ["robot.joints.rail.lower[0]", "less", "2.0"],
    ),
    "start beyond a limit": (
        setting("joints.neck.position", [-1.5, 0.0]),
        ["robot.joints.neck.position[0]", "-1.0", "inf", "-1.5"],
    ),
    "zero beyond a limit": (
        setting("joints.rail.lower", [0.5]),
        ["robot.joints.rail.position", "zero if null", "0.5", "2.0", "got 0.0"],
    ),
    "limits of a fixed joint": (
        setting("joints.end.upper", [1.0]),
        ["robot.joints.end.upper", "null", "fixed", "[1.0]"],
    ),
    "limits of a free joint": (
        setting("joints.loose.lower", []),
        ["robot.joints.loose.lower", "null", "free", "[]"],
    ),
    "start of a joint that closes a loop": (
        setting("joints.tie.position", [0.0]),
        ["robot.joints.tie.position", "null", "closes a loop", "[0.0]"],
    ),
    # Free joints.
    "free from a body": (
        setting("joints.loose.parent", "cart"),
        ["robot.joints.loose.parent", "world", "free", "'cart'"],
    ),
    "free and a loop": (
        setting("joints.loose.closes_loop", True),
        ["robot.joints.loose.closes_loop", "false", "free"],
    ),
    "free with an anchor": (
        setting("joints.loose.parent_offset", [0.0, 0.0, 1.0]),
        ["robot.joints.loose.parent_offset", "free", "[0.0, 0.0, 1.0]"],
    ),
    # The tree.
    "two parents": (
        setting("joints.tie.closes_loop", False),
        ["robot.joints.tie.child", "closes_loop: true", "'ring'", "'loose'"],
    ),
    "ring": (
        setting("joints.rail.parent", "hand"),
        ["neck, wrist, rail", "cart -> arm -> hand -> cart", "closes_loop: true"],
    ),
    "placed twice": (
        setting("bodies.arm.position", [0.0, 0.0, 1.0]),
        ["robot.bodies.arm.position", "joint 'neck'", "[0.0, 0.0, 1.0]"],
    ),
    "moving twice": (
        setting("bodies.tip.angular_velocity", [0.0, 0.0, 1.0]),
        ["robot.bodies.tip.angular_velocity", "joint 'end'", "[0.0, 0.0, 1.0]"],
    ),
    # Motors.
    "motor on no joint": (
        setting("motors.drive.joint", "wheel"),
        ["robot.motors.drive.joint", "rail, neck", "'wheel'"],
    ),
    "motor without joints": (
        all_of(setting("joints", {}), setting("sensors", {})),
        ["robot.motors.drive.joint", "there are none", "'rail'"],
    ),
    "motor on a loop": (
        setting("motors.drive.joint", "tie"),
        ["robot.motors.drive.joint", "loop", "'tie'"],
    ),
    "motor on a fixed joint": (
        setting("motors.drive.joint", "end"),
        ["robot.motors.drive.joint", "fixed", "'end'"],
    ),
    "motor on a free joint": (
        setting("motors.drive.joint", "loose"),
        ["robot.motors.drive.joint", "free", "'loose'"],
    ),
    "coordinate too high": (
        setting("motors.nod.coordinate", 2),
        ["robot.motors.nod.coordinate", "< 2", "universal", "got 2"],
    ),
    "two motors on one coordinate": (
        setting("motors.more", MotorConfig(joint="rail", max_force=1.0)),
        ["robot.motors.more.coordinate", "another motor", "'rail'", "'drive'"],
    ),
    "commands that cross": (
        setting("motors.drive.command_range", [1.0, 1.0]),
        ["robot.motors.drive.command_range", "increase", "[1.0, 1.0]"],
    ),
    "gain of a velocity servo": (
        setting("motors.nod.gain", 5.0),
        ["robot.motors.nod.gain", "velocity", "5.0"],
    ),
    "greatest velocity of a torque": (
        setting("motors.twist.max_velocity", 5.0),
        ["robot.motors.twist.max_velocity", "torque", "5.0"],
    ),
    # Sensors.
    "joint sensor of a body": (
        setting("sensors.angle.body", "tip"),
        ["robot.sensors.angle.body", "null", "joint_position", "'tip'"],
    ),
    "imu relative to a body": (
        setting("sensors.inertial.relative_to", "cart"),
        ["robot.sensors.inertial.relative_to", "null", "imu", "'cart'"],
    ),
    "body sensor of a joint": (
        setting("sensors.place.joint", "rail"),
        ["robot.sensors.place.joint", "null", "position", "'rail'"],
    ),
    "target of a position": (
        setting("sensors.place.target", [0.0, 0.0, 0.0]),
        ["robot.sensors.place.target", "null", "position", "[0.0, 0.0, 0.0]"],
    ),
    "frequency of a time": (
        setting("sensors.clock.frequency", 2.0),
        ["robot.sensors.clock.frequency", "null", "time", "2.0"],
    ),
    "components of a time": (
        setting("sensors.clock.components", "x"),
        ["robot.sensors.clock.components", "null", "time", "'x'"],
    ),
    "sine without frequency": (
        setting("sensors.sine.frequency", None),
        ["robot.sensors.sine.frequency", "must be given"],
    ),
    "distance of nothing": (
        setting("sensors.far.body", None),
        ["robot.sensors.far.body", "one of cart, arm", "'None'"],
    ),
    "relative to a stranger": (
        setting("sensors.speed.relative_to", "car"),
        ["robot.sensors.speed.relative_to", "cart, arm", "'car'"],
    ),
    "relative to itself": (
        setting("sensors.speed.relative_to", "tip"),
        ["robot.sensors.speed.relative_to", "another body", "'tip'"],
    ),
    "distance to nothing": (
        setting("sensors.far.target", None),
        ["robot.sensors.far", "target", "relative_to", "neither"],
    ),
    "distance to two things": (
        setting("sensors.far.relative_to", "cart"),
        ["robot.sensors.far", "target", "relative_to", "both"],
    ),
    "sensor of no joint": (
        setting("sensors.angle.joint", None),
        ["robot.sensors.angle.joint", "rail, neck", "'None'"],
    ),
    "sensor of a fixed joint": (
        setting("sensors.angle.joint", "end"),
        ["robot.sensors.angle.joint", "fixed", "'end'"],
    ),
    "touch of a box": (
        setting("sensors.touch.body", "hand"),
        ["robot.sensors.touch.body", "ground_contact", "contact_pairs", "'hand'"],
    ),
    "touch of what touches nothing": (
        all_of(setting("contact_pairs", []), setting("bodies.ring.ground_contact", False)),
        ["robot.sensors.touch.body", "ground_contact", "contact_pairs", "'ring'"],
    ),
    "unknown letter": (
        setting("sensors.place.components", "xw"),
        ["robot.sensors.place.components", "x y z", "'xw'"],
    ),
    "letter twice": (
        setting("sensors.place.components", "xx"),
        ["robot.sensors.place.components", "different", "'xx'"],
    ),
    "no letter": (
        setting("sensors.place.components", ""),
        ["robot.sensors.place.components", "x y z", "''"],
    ),
    "unknown element": (
        setting("sensors.axes.components", "xzzz"),
        ["robot.sensors.axes.components", "spaces", "xx xy xz", "'xzzz'"],
    ),
    "unknown inertial component": (
        setting("sensors.inertial.components", "ax ax"),
        ["robot.sensors.inertial.components", "ax ay az wx wy wz", "'ax ax'"],
    ),
}


@pytest.mark.parametrize(
    ("change", "parts"), MECHANISM_ERRORS.values(), ids=MECHANISM_ERRORS.keys()
)
def test_an_inconsistent_mechanism_is_refused(
    change: Callable[[RobotConfig], None], parts: list[str]
) -> None:
    robot = sound_mechanism()
    change(robot)
    assert_refused(robot, parts)


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
def test_what_is_unusual_but_sound_passes(change: Callable[[RobotConfig], None]) -> None:
    robot = sound_mechanism()
    change(robot)
    check(robot, "robot")
    check_robot(robot)


def test_traced_numbers_pass() -> None:
    """They have no value to compare; whether there are as many as there should be is known."""

    def build(x: jax.Array) -> jax.Array:
        robot = sound_mechanism()
        for path, value in {
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
        }.items():
            setting(path, value)(robot)
        check(robot, "robot")
        check_robot(robot)
        return x

    jax.jit(build)(jax.numpy.zeros(3))


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
    robot = sound_robot()
    setting(path, value)(robot)
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
    robot = sound_mechanism()
    setattr(robot.joints["rail"], field, value)
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
    robot = sound_mechanism()
    setattr(robot.motors["drive"], field, value)
    with pytest.raises(ConfigError) as error:
        check(robot, "robot")
    assert str(error.value).startswith(message)


def test_a_whole_number_beyond_any_float_is_refused() -> None:
    robot = sound_mechanism()
    robot.motors["drive"].coordinate = 10**400
    check(robot, "robot")
    with pytest.raises(ConfigError, match="must be < 1 for a slider"):
        check_robot(robot)


def test_an_infinite_contact_frequency_is_allowed() -> None:
    robot = sound_robot()
    robot.contact_frequency = float("inf")
    check(robot, "robot")
