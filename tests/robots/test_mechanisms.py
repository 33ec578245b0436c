"""Mechanisms that contradict themselves are refused, each with a message that says where."""

from __future__ import annotations

import pytest

from diffsim.robots.config import MotorConfig
from tests.robots.sound import Change, all_of, assert_refused, hinge, setting, sound_mechanism

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
        setting("joints.rail.type", "worm"),
        ["robot.joints.rail.type", "hinge, slider", "'worm'"],
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
def test_an_inconsistent_mechanism_is_refused(change: Change, parts: list[str]) -> None:
    assert_refused(change(sound_mechanism()), parts)
