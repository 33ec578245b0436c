"""Forces with which a robot's own weight and motors may press its surfaces together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from diffsim.joints.table import JOINT_TYPES
from diffsim.math.spatial import Motion
from diffsim.math.vectors import Vec3
from diffsim.robots.config import RobotConfig, motor_limit
from diffsim.robots.masses import mass_of
from diffsim.robots.numbers import number
from diffsim.robots.placement import carriers, mounting, place


def pressing_forces(
    robot: RobotConfig, gravity: Vec3, contacts: Sequence[tuple[str, ...]]
) -> list[jax.Array]:
    """Force that may press on each of some contacts for long [N], about.

    On the ground it is the weight of the whole robot. Between two spheres it is that or, where it
    is larger, the largest force of a motor on the way from one of them to the robot's root, with
    the lever arm that it has at the start: a gripper's.

    Args:
        robot: a checked robot; numbers may be traced.
        gravity: [m/s²].
        contacts: of each the names of its spheres, one for the ground.
    """
    weight = sum((mass_of(body) for body in robot.bodies.values()), number(0.0)) * gravity.length()
    paired = dict.fromkeys(name for names in contacts if len(names) > 1 for name in names)
    forces = _motor_forces(robot, list(paired))
    return [
        jnp.max(jnp.stack([weight, *(forces[name] for name in names if len(names) > 1)]))
        for names in contacts
    ]


def _motor_forces(robot: RobotConfig, names: list[str]) -> dict[str, jax.Array]:
    """Largest force of a motor on the way from each of some spheres to the robot's root [N]."""
    placed = place(robot) if names else {}
    carried = carriers(robot)
    forces = {}
    for name in names:
        force = number(0.0)
        above = name
        while above in carried:
            joint_name = carried[above]
            anchor = _anchor(robot, joint_name, placed)
            lever = (placed[name].pose.position - anchor).length()
            lever = jnp.maximum(lever, number(robot.bodies[name].radius))
            for motor in robot.motors.values():
                if motor.joint == joint_name:
                    kind = JOINT_TYPES[robot.joints[joint_name].type]
                    push: Any = number(motor_limit(robot, motor))
                    if kind.units[motor.coordinate] == "rad":
                        push = push / lever
                    force = jnp.maximum(force, push)
            above = robot.joints[joint_name].parent
        forces[name] = force
    return forces


def series_mass(masses: Sequence[Any]) -> Any:
    """Mass that two bodies have against each other, 1/(1/m₁ + 1/m₂) [kg]; of one alone its own."""
    return 1.0 / sum(1.0 / mass for mass in masses)


def _anchor(robot: RobotConfig, joint_name: str, placed: dict[str, Motion]) -> Vec3:
    """Place of a joint's anchor on its parent at the start, in the world [m]."""
    joint = robot.joints[joint_name]
    return placed[joint.parent].pose.at(mounting(robot, joint).parent.position)
