"""A thrown ball that comes to rest at a point."""

from __future__ import annotations

import jax.numpy as jnp

from diffsim.math.vectors import Vec3
from diffsim.robots.geoms import GROUND
from diffsim.simulate.rollout import Rollout
from diffsim.tasks.config import ThrowConfig
from diffsim.tasks.effort import Work, observe_work, penalty
from diffsim.tasks.task import Draw, Evaluation, SameEpisode, part_vector
from diffsim.world.world import State, World, part_motion


class Throw(SameEpisode):
    """A thrown ball comes to rest at a point: zero distance, zero velocity, zero spin at the end.

    Nine residuals: distance of the ball's centre to its resting place at the target [m], velocity
    [m/s] and spin r·ω [m/s], the last two times ``velocity_weight``. A weight above one matters:
    the speed in the end is linear in the throw, (5 v + 2 r·ω)/7, so a descent that first meets this
    condition walks along a straight valley to the target instead of getting stuck where the ball
    rolls past it at the right moment.

    Source: Degrave et al. (2019), section 2.1.1.
    """

    metric_names: tuple[str, ...] = ("position_error", "velocity_error", "spin_error")

    def __init__(self, config: ThrowConfig, world: World) -> None:
        self.config = config
        self.duration = config.duration
        self.part = world.parts.names.index(config.body)
        self.contact = world.contacts.names.index(f"{config.body}/{GROUND}")

    def goal(self, draw: Draw) -> Vec3:
        """The target, on the ground."""
        x, y = self.config.target
        return Vec3(*(jnp.asarray(number, float) for number in (x, y, 0.0)))

    def observe(self, world: World, state: State, draw: Draw) -> Work:
        return observe_work(self.config.effort, world, state)

    def evaluate(self, world: World, rollout: Rollout, draw: Draw) -> Evaluation:
        motion = part_motion(world.parts, rollout.state)
        radius = world.contacts.thickness[self.contact]  # of the ball alone: a plane has none
        # In all three directions: at the top of a bounce the ball is slow, too, but does not rest.
        goal = self.goal(draw)
        there = part_vector(motion.pose.position, self.part)
        distance = there - Vec3(goal.x, goal.y, goal.z + radius)
        velocity = part_vector(motion.twist.linear, self.part)
        spin = part_vector(motion.twist.angular, self.part) * radius
        weight = self.config.velocity_weight
        residuals = jnp.stack([*distance, *(velocity * weight), *(spin * weight)])
        effort = penalty(self.config.effort, rollout.observations)
        return Evaluation(
            loss=0.5 * jnp.sum(residuals**2, axis=0) + effort,
            residuals=residuals,
            metrics={
                "position_error": distance.length(),
                "velocity_error": velocity.length(),
                "spin_error": spin.length(),
            },
        )

    def succeeded(self, metrics: dict[str, float]) -> bool:
        return (
            metrics["position_error"] < self.config.position_tolerance
            and metrics["velocity_error"] < self.config.velocity_tolerance
            and metrics["spin_error"] < self.config.velocity_tolerance
        )
