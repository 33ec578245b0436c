"""Starts near a robot's own one, from which there is something to see.

A robot's file often starts it at rest, hanging or just touching the ground. There its energy says
little, and the gradient is on a kink. So the passive motion and the gradients begin at one that is
nudged by small seeded random numbers.
"""

from __future__ import annotations

import math

import numpy as np

from diffsim.checks.config import CheckSettings
from diffsim.joints.table import JOINT_TYPES
from diffsim.robots.build import build_world, initial_state
from diffsim.robots.config import JointConfig, RobotConfig
from diffsim.robots.ground import ground_gap, is_tied
from diffsim.robots.placement import carriers
from diffsim.robots.replace import replace

GAP = 1e-2
"""Between the ground and the lowest surface of a lowered robot [m]: it lands within some steps."""


def nudged(robot: RobotConfig, settings: CheckSettings, random: np.random.Generator) -> RobotConfig:
    """A robot with other orientations, coordinates and velocities at the start.

    Where joints close loops, only the roots are nudged: the coordinates depend on each other.
    """
    carried = carriers(robot)
    found: dict[str, list[float]] = {}

    def around(values: list[float], size: float) -> list[float]:
        return [float(value + size * random.standard_normal()) for value in values]

    for name, body in robot.bodies.items():
        if name not in carried:
            length = math.hypot(*body.orientation)
            key, size = f"bodies.{name}", settings.nudge_velocity
            found[f"{key}.orientation"] = around(body.orientation, settings.nudge * length)
            found[f"{key}.velocity"] = around(body.velocity, size)
            found[f"{key}.angular_velocity"] = around(body.angular_velocity, size)
    if any(joint.closes_loop for joint in robot.joints.values()):
        return replace(robot, found)
    for name, joint in robot.joints.items():
        count = JOINT_TYPES[joint.type].freedoms
        if joint.type != "free" and count:
            start = around(joint.position or [0.0] * count, settings.nudge)
            key = f"joints.{name}"
            found[f"{key}.position"] = [
                _within_limits(joint, k, value) for k, value in enumerate(start)
            ]
            found[f"{key}.velocity"] = around(
                joint.velocity or [0.0] * count, settings.nudge_velocity
            )
    return replace(robot, found)


def lowered(robot: RobotConfig) -> RobotConfig:
    """A robot with its free bodies moved down, or up, until one just does not touch the ground.

    All of them by the same height, and none of them rises. A robot that is tied to the world or has
    nothing to touch the ground with stays as it is.
    """
    world = build_world(robot, [0.0, 0.0, 0.0], 1.0)
    gap = ground_gap(world, initial_state(robot, world))
    if gap is None or is_tied(robot):
        return robot
    carried, found = carriers(robot), {}
    for name, body in robot.bodies.items():
        if name not in carried:
            (x, y, z), (v_x, v_y, v_z) = body.position, body.velocity
            found[f"bodies.{name}.position"] = [x, y, z - float(gap) + GAP]
            found[f"bodies.{name}.velocity"] = [v_x, v_y, -abs(v_z)]
    return replace(robot, found)


def _within_limits(joint: JointConfig, number: int, value: float) -> float:
    """The value, moved off the limits by up to a tenth of the range."""
    low = -math.inf if joint.lower is None else joint.lower[number]
    high = math.inf if joint.upper is None else joint.upper[number]
    margin = min(0.01, 0.1 * (high - low))
    return min(max(value, low + margin), high - margin)
