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
from diffsim.robots.geoms import GeomSpec
from diffsim.robots.masses import mass_properties
from diffsim.robots.numbers import number
from diffsim.robots.placement import carriers, mounting, place


def pressing_forces(
    robot: RobotConfig, gravity: Vec3, contacts: Sequence[tuple[GeomSpec, ...]]
) -> list[jax.Array]:
    """Force that may press on each of some contacts for long [N], about.

    On the ground it is the weight of the whole robot. Between two bodies it is that or, where it is
    larger, the largest force of a motor on the way from one of them to the robot's root, with the
    lever arm that it has at the start: a gripper's.

    Args:
        robot: a checked robot; numbers may be traced.
        gravity: [m/s²].
        contacts: the bodies' geoms of each, one on a plane.
    """
    masses = (mass_properties(body).mass for body in robot.bodies.values())
    weight = sum(masses, number(0.0)) * gravity.length()
    paired = {geom.name: geom for geoms in contacts if len(geoms) > 1 for geom in geoms}
    forces = _motor_forces(robot, list(paired.values()))
    return [
        jnp.max(jnp.stack([weight, *(forces[geom.name] for geom in geoms if len(geoms) > 1)]))
        for geoms in contacts
    ]


def _motor_forces(robot: RobotConfig, geoms: list[GeomSpec]) -> dict[str, jax.Array]:
    """Largest force of a motor on the way from each of some geoms to the robot's root [N]."""
    placed = place(robot) if geoms else {}
    carried = carriers(robot)
    forces = {}
    for geom in geoms:
        force = number(0.0)
        above = geom.part
        while above in carried:
            joint_name = carried[above]
            anchor = _anchor(robot, joint_name, placed)
            lever = (placed[geom.part].pose.at(geom.pose.position) - anchor).length()
            lever = jnp.maximum(lever, geom.shape.thickness(geom.size))
            for motor in robot.motors.values():
                if motor.joint == joint_name:
                    kind = JOINT_TYPES[robot.joints[joint_name].type]
                    push: Any = number(motor_limit(robot, motor))
                    if kind.units[motor.coordinate] == "rad":
                        push = push / lever
                    force = jnp.maximum(force, push)
            above = robot.joints[joint_name].parent
        forces[geom.name] = force
    return forces


def series_mass(masses: Sequence[Any]) -> Any:
    """Mass that two bodies have against each other, 1/(1/m₁ + 1/m₂) [kg]; of one alone its own."""
    return 1.0 / sum(1.0 / mass for mass in masses)


def _anchor(robot: RobotConfig, joint_name: str, placed: dict[str, Motion]) -> Vec3:
    """Place of a joint's anchor on its parent at the start, in the world [m]."""
    joint = robot.joints[joint_name]
    return placed[joint.parent].pose.at(mounting(robot, joint).parent.position)
