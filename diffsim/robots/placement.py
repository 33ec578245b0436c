"""Places of a robot's bodies at the start: roots as their data say, the others by their joints."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax

from diffsim.collisions.contacts import tangents
from diffsim.joints.joint_type import JointFrames
from diffsim.joints.table import JOINT_TYPES
from diffsim.math.rotations import identity
from diffsim.math.spatial import Motion, Pose, Twist
from diffsim.math.vectors import Mat3, Vec3
from diffsim.robots.config import WORLD_NAME, BodyConfig, JointConfig, RobotConfig
from diffsim.robots.geoms import geom_configs, size_of
from diffsim.robots.numbers import (
    number,
    own_numbers,
    pose_of,
    rotation_of,
    unit,
    vector,
)
from diffsim.shapes.table import SHAPES


class Mounting(NamedTuple):
    """A joint's frames on its two bodies, in the bodies' own frames, components of shape ().

    They coincide where all coordinates are zero.
    """

    parent: Pose
    child: Pose


def carriers(robot: RobotConfig) -> dict[str, str]:
    """Names of the joints that place bodies, by the body; parents before children."""
    by_child = {
        joint.child: name
        for name, joint in robot.joints.items()
        if not joint.closes_loop and joint.type != "free"
    }
    ordered: dict[str, str] = {}

    def add(body: str) -> None:
        if body in by_child and body not in ordered:
            add(robot.joints[by_child[body]].parent)
            ordered[body] = by_child[body]

    for body in robot.bodies:
        add(body)
    return ordered


def mounting(robot: RobotConfig, joint: JointConfig) -> Mounting:
    """Frames of a joint on its two bodies."""
    given = JOINT_TYPES[joint.type].given_axes
    frame = identity()
    if given > 0:
        axis = unit(joint.axis)
        second = unit(joint.second_axis) if given > 1 else tangents(axis)[0]
        frame = Mat3(axis, second, axis.cross(second))
    parent = None if joint.parent == WORLD_NAME else robot.bodies[joint.parent]
    return Mounting(
        parent=Pose(_anchor(parent, joint.parent_face, joint.parent_offset), frame),
        child=Pose(
            _anchor(robot.bodies[joint.child], joint.child_face, joint.child_offset),
            rotation_of(joint.orientation).transpose().times(frame),
        ),
    )


def relative_pose(joint: JointConfig, mount: Mounting) -> Pose:
    """Pose of the child in the parent's frame at the joint's start."""
    start, parameters = _start(joint, joint.position), parameters_of(joint)
    slide, axes = JOINT_TYPES[joint.type].carry(mount.parent.rotation, start, parameters)
    rotation = axes.times(mount.child.rotation.transpose())
    return Pose(mount.parent.position + slide - rotation @ mount.child.position, rotation)


def parameters_of(joint: JointConfig) -> dict[str, jax.Array]:
    """Numbers of the joint's type, as the file gives them or by default, each of shape ()."""
    return own_numbers(joint.parameters, JOINT_TYPES[joint.type].parameters)


def place(robot: RobotConfig) -> dict[str, Motion]:
    """Motions of all bodies at the start, by name, components of shape ()."""
    placed: dict[str, Motion] = {}
    carried = carriers(robot)
    for name, body in robot.bodies.items():
        if name not in carried:
            placed[name] = Motion(
                pose_of(body),
                Twist(vector(body.velocity), vector(body.angular_velocity)),
            )
    nothing = vector([0, 0, 0])
    placed[WORLD_NAME] = Motion(Pose(nothing, identity()), Twist(nothing, nothing))
    for name, joint_name in carried.items():
        joint = robot.joints[joint_name]
        placed[name] = _carry(placed[joint.parent], joint, mounting(robot, joint))
    return placed


def _carry(parent: Motion, joint: JointConfig, mount: Mounting) -> Motion:
    """The motion of a joint's child."""
    pose = parent.pose.times(relative_pose(joint, mount))
    to_child = pose.position - parent.pose.position
    from_anchor = -(pose.rotation @ mount.child.position)
    frames = JointFrames(
        parent.pose.times(mount.parent), pose.times(mount.child), parameters_of(joint)
    )
    omega, slide = parent.twist.angular, vector([0, 0, 0])
    speeds = _start(joint, joint.velocity)
    for axis, speed in zip(JOINT_TYPES[joint.type].axes(frames), speeds, strict=True):
        if axis.angular is not None:
            omega = omega + axis.angular * speed
        if axis.linear is not None:
            slide = slide + axis.linear * speed
    velocity = parent.twist.at(to_child - from_anchor) + omega.cross(from_anchor) + slide
    return Motion(pose, Twist(velocity, omega))


def _anchor(body: BodyConfig | None, face: Any, offset: Any) -> Vec3:
    """face × half extents + offset; of the world, the offset alone."""
    if body is None:
        return vector(offset)
    if body.shape is None:
        return vector(offset)
    (geom,) = (geom for name, geom in geom_configs(body).items() if not name)
    half = SHAPES[geom.shape].extents(size_of(geom))
    return vector(face).scale_components(half) + vector(offset)


def _start(joint: JointConfig, values: Any) -> list[jax.Array]:
    """Numbers for each coordinate; zeros if none are given."""
    count = JOINT_TYPES[joint.type].freedoms
    return [number(v) for v in values] if values is not None else [number(0.0)] * count
