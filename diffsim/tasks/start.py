"""Starts that differ from episode to episode: joints a little elsewhere, and in motion."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.robots.check import coordinate_count
from diffsim.robots.config import RobotConfig
from diffsim.tasks.config import TaskConfig


class Start(NamedTuple):
    """Start of an episode, or of several along the last axes.

    Attributes:
        even: numbers evenly between -1 and 1, shape (2, coordinates): for positions and for rates.
        place: 0 for the task's own start, else the number of one to practise from, shape ().
    """

    even: jax.Array
    place: jax.Array


def draw_start(key: jax.Array, robot: RobotConfig) -> jax.Array:
    """``Start.even`` of one episode."""
    count = sum(map(coordinate_count, robot.joints.values()))
    return jax.random.uniform(key, (2, count), minval=-1.0)


def draw_places(key: jax.Array, task: TaskConfig, count: int) -> jax.Array:
    """``Start.place`` of the episodes of training, shape (count,).

    Each place has its share of them, to the nearest whole number; which way it is rounded is drawn.
    """
    at = (jnp.arange(count) + jax.random.uniform(key, ())) / count
    place = jnp.zeros(count, jnp.int32)
    end = 0.0
    for number, practice in enumerate(task.practice.values(), 1):
        place = jnp.where((at >= end) & (at < end + practice.share), number, place)
        end += practice.share
    return place


def moved(robot: RobotConfig, task: TaskConfig, start: Start) -> RobotConfig:
    """A copy whose joints start where an episode does."""
    joints = {}
    first = 0
    for name, joint in robot.joints.items():
        last = first + coordinate_count(joint)
        zero = [0.0] * (last - first)
        own = joint.position or zero
        positions = [_around(own, task.start.position, start.even[0, first:last])]
        rates = [_around(joint.velocity or zero, task.start.velocity, start.even[1, first:last])]
        for practice in task.practice.values():
            there = practice.joints.get(name, own)
            positions.append(_around(there, practice.position, start.even[0, first:last]))
            rates.append(_around(zero, practice.velocity, start.even[1, first:last]))
        joints[name] = dataclasses.replace(
            joint,
            position=_chosen(positions, start.place),
            velocity=_chosen(rates, start.place),
        )
        first = last
    return dataclasses.replace(robot, joints=joints)


def _around(middle: list[float], spread: float, even: jax.Array) -> list[Any]:
    return [number + spread * even[k] for k, number in enumerate(middle)]


def _chosen(places: list[list[Any]], number: jax.Array) -> list[Any]:
    return [
        jnp.select([number == k for k in range(len(at))], list(at))
        for at in zip(*places, strict=True)
    ]
