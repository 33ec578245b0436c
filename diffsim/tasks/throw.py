"""A thrown ball that comes to rest at a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from diffsim.math.vectors import Vec3
from diffsim.robots.config import RobotConfig
from diffsim.robots.geoms import GROUND
from diffsim.tasks.config import TaskConfig
from diffsim.tasks.effort import Work, effort_cost, observe_work
from diffsim.tasks.figures import Figure
from diffsim.tasks.task import Draw, End, Task, Terminal, Transition, part_vector
from diffsim.validation import ConfigError, bounded
from diffsim.world.world import World, part_motion


@dataclass
class ThrowConfig(TaskConfig):
    """Throw a sphere so that it rests at a point on the ground after a given time."""

    has_residuals: ClassVar[bool] = True
    sets_goal: ClassVar[bool] = True

    kind: str = bounded("throw", choices=("throw",))
    target: list[float] = bounded([10.0, 0.0], length=2)  # x, y on the ground [m]
    position_tolerance: float = bounded(0.01, above=0)  # [m]
    velocity_tolerance: float = bounded(0.01, above=0)  # [m/s], for velocity and for r·ω
    velocity_weight: float = bounded(3.0, at_least=0)  # [s], of velocities against positions

    def check(self, robot: RobotConfig) -> None:
        """Check that it is a sphere that is thrown, beside what all tasks need."""
        super().check(robot)
        body = robot.bodies[self.body]
        if body.shape != "sphere" or not body.ground_contact:
            raise ConfigError(
                f"task.body must be a sphere that touches the ground, got '{self.body}'"
            )


class Throw(Task):
    """A thrown ball comes to rest at a point: zero distance, zero velocity, zero spin at the end.

    Nine residuals: distance of the ball's centre to its resting place at the target [m], velocity
    [m/s] and spin r·ω [m/s], the last two times ``velocity_weight``. A weight above one matters:
    the speed in the end is linear in the throw, (5 v + 2 r·ω)/7, so a descent that first meets this
    condition walks along a straight valley to the target instead of getting stuck where the ball
    rolls past it at the right moment.

    Source: Degrave et al. (2019), section 2.1.1.
    """

    Config = ThrowConfig
    figures: ClassVar[Mapping[str, Figure]] = {
        "position_error": Figure("m", larger=False),
        "velocity_error": Figure("m/s", larger=False),
        "spin_error": Figure("m/s", larger=False),
    }
    judged_by = "loss"  # the throw has to meet three tolerances at once; the loss weighs all three

    def __init__(self, config: ThrowConfig, world: World) -> None:
        self.config = config
        self.part = world.parts.names.index(config.body)
        self.contact = world.contacts.names.index(f"{config.body}/{GROUND}")

    def goal(self, draw: Draw) -> Vec3:
        """The target, on the ground."""
        x, y = self.config.target
        return Vec3(*(jnp.asarray(number, float) for number in (x, y, 0.0)))

    def observe(self, now: Transition) -> Work:
        return observe_work(self.config.effort, now.world, now.state)

    def cost(self, seen: Work, before: Work, step: jax.Array) -> jax.Array:
        return jnp.asarray(effort_cost(self.config.effort, seen, before))

    def terminal(self, end: End) -> Terminal:
        distance, velocity, spin = self._errors(end)
        weight = self.config.velocity_weight
        residuals = jnp.stack([*distance, *(velocity * weight), *(spin * weight)])
        return Terminal(0.5 * jnp.sum(residuals**2, axis=0), residuals)

    def measure(self, seen: Work, end: End) -> dict[str, jax.Array]:
        distance, velocity, spin = self._errors(end)
        return {
            "position_error": distance.length(),
            "velocity_error": velocity.length(),
            "spin_error": spin.length(),
        }

    def _errors(self, end: End) -> tuple[Vec3, Vec3, Vec3]:
        """Way from the resting place [m], velocity [m/s] and spin r·ω [m/s]."""
        motion = part_motion(end.world.parts, end.state)
        radius = end.world.contacts.thickness[self.contact]  # of the ball alone: a plane has none
        # In all three directions: at the top of a bounce the ball is slow, too, but does not rest.
        goal = self.goal(end.draw)
        there = part_vector(motion.pose.position, self.part)
        return (
            there - Vec3(goal.x, goal.y, goal.z + radius),
            part_vector(motion.twist.linear, self.part),
            part_vector(motion.twist.angular, self.part) * radius,
        )

    def succeeded(self, metrics: dict[str, float]) -> bool:
        return (
            metrics["position_error"] < self.config.position_tolerance
            and metrics["velocity_error"] < self.config.velocity_tolerance
            and metrics["spin_error"] < self.config.velocity_tolerance
        )
