"""Starts that differ from episode to episode: joints a little elsewhere, and in motion."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax

from diffsim.robots.check import coordinate_count
from diffsim.robots.config import RobotConfig
from diffsim.tasks.config import StartConfig


def draw_start(key: jax.Array, robot: RobotConfig) -> jax.Array:
    """Numbers evenly between -1 and 1, shape (2, coordinates): for positions and for rates."""
    count = sum(map(coordinate_count, robot.joints.values()))
    return jax.random.uniform(key, (2, count), minval=-1.0)


def scattered(robot: RobotConfig, config: StartConfig, drawn: jax.Array) -> RobotConfig:
    """A copy whose joints start away from where the robot's own do, by what was drawn."""
    joints = {}
    first = 0
    for name, joint in robot.joints.items():
        last = first + coordinate_count(joint)
        joints[name] = dataclasses.replace(
            joint,
            position=_moved(joint.position, config.position * drawn[0, first:last]),
            velocity=_moved(joint.velocity, config.velocity * drawn[1, first:last]),
        )
        first = last
    return dataclasses.replace(robot, joints=joints)


def _moved(own: list[float] | None, away: jax.Array) -> list[Any]:
    count = away.shape[0]
    return [number + away[k] for k, number in enumerate(own or [0.0] * count)]
