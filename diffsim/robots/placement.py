"""Where a robot's bodies are at the start: roots as their data say, the others by their joints."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax

from diffsim.collisions.contacts import tangents
from diffsim.joints.joints import JOINT_TYPES, JointFrames
from diffsim.math.rotations import identity
from diffsim.math.vectors import Mat3, Vec3
from diffsim.robots.config import WORLD_NAME, BodyConfig, JointConfig, RobotConfig
from diffsim.robots.numbers import (
    number,
    rotation_of,
    unit,
    vector,
)


class BodyMotion(NamedTuple):
    """Pose [m] and velocities [m/s], [rad/s] of one body in the world, components of shape ()."""

    position: Vec3
    rotation: Mat3
    velocity: Vec3
    angular_velocity: Vec3


class Mounting(NamedTuple):
    """A joint's frames on its two bodies, in the bodies' own frames, components of shape ().

    Attributes:
        anchor_parent, anchor_child: [m].
        frame_parent, frame_child: axes; they coincide where all coordinates are zero.
    """

    anchor_parent: Vec3
    anchor_child: Vec3
    frame_parent: Mat3
    frame_child: Mat3


def carriers(robot: RobotConfig) -> dict[str, str]:
    """For each body that a joint places, the name of that joint; parents before children."""
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
    """Where a joint sits on its bodies."""
    given = JOINT_TYPES[joint.type].given_axes
    frame = identity()
    if given > 0:
        axis = unit(joint.axis)
        second = unit(joint.second_axis) if given > 1 else tangents(axis)[0]
        frame = Mat3(axis, second, axis.cross(second))
    parent = None if joint.parent == WORLD_NAME else robot.bodies[joint.parent]
    return Mounting(
        anchor_parent=_anchor(parent, joint.parent_face, joint.parent_offset),
        anchor_child=_anchor(robot.bodies[joint.child], joint.child_face, joint.child_offset),
        frame_parent=frame,
        frame_child=rotation_of(joint.orientation).transpose().times(frame),
    )


def relative_pose(joint: JointConfig, mount: Mounting) -> tuple[Vec3, Mat3]:
    """Position and rotation of the child in the parent's frame at the joint's start."""
    start = _start(joint, joint.position)
    slide, axes = JOINT_TYPES[joint.type].carry(mount.frame_parent, start)
    rotation = axes.times(mount.frame_child.transpose())
    return mount.anchor_parent + slide - rotation @ mount.anchor_child, rotation


def place(robot: RobotConfig) -> dict[str, BodyMotion]:
    """All bodies' motions at the start, by name."""
    placed: dict[str, BodyMotion] = {}
    carried = carriers(robot)
    for name, body in robot.bodies.items():
        if name not in carried:
            placed[name] = BodyMotion(
                vector(body.position),
                rotation_of(body.orientation),
                vector(body.velocity),
                vector(body.angular_velocity),
            )
    nothing = vector([0, 0, 0])
    placed[WORLD_NAME] = BodyMotion(nothing, identity(), nothing, nothing)
    for name, joint_name in carried.items():
        joint = robot.joints[joint_name]
        placed[name] = _carry(placed[joint.parent], joint, mounting(robot, joint))
    return placed


def _carry(parent: BodyMotion, joint: JointConfig, mount: Mounting) -> BodyMotion:
    """The motion of a joint's child."""
    offset, turn = relative_pose(joint, mount)
    rotation = parent.rotation.times(turn)
    to_child = parent.rotation @ offset
    from_anchor = -(rotation @ mount.anchor_child)
    frames = JointFrames(
        anchor_parent=parent.position + parent.rotation @ mount.anchor_parent,
        anchor_child=parent.position + to_child - from_anchor,
        parent=parent.rotation.times(mount.frame_parent),
        child=rotation.times(mount.frame_child),
    )
    omega, slide = parent.angular_velocity, vector([0, 0, 0])
    speeds = _start(joint, joint.velocity)
    for axis, speed in zip(JOINT_TYPES[joint.type].axes(frames), speeds, strict=True):
        if axis.turns:
            omega = omega + axis.direction * speed
        else:
            slide = slide + axis.direction * speed
    velocity = (
        parent.velocity
        + parent.angular_velocity.cross(to_child - from_anchor)
        + omega.cross(from_anchor)
        + slide
    )
    return BodyMotion(parent.position + to_child, rotation, velocity, omega)


def _anchor(body: BodyConfig | None, face: Any, offset: Any) -> Vec3:
    """face × half extents + offset; of the world, the offset alone."""
    if body is None:
        return vector(offset)
    if body.shape == "sphere":
        half = vector([body.radius] * 3)
    else:
        assert body.size is not None
        half = vector(body.size) * 0.5
    return vector(face).scale_components(half) + vector(offset)


def _start(joint: JointConfig, values: Any) -> list[jax.Array]:
    """Numbers for each coordinate; zeros if none are given."""
    count = JOINT_TYPES[joint.type].freedoms
    return [number(v) for v in values] if values is not None else [number(0.0)] * count
