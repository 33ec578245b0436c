"""The contract of a task, and its registry."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from diffsim.engine.rollout import Rollout
from diffsim.engine.vectors import Vec3
from diffsim.engine.world import State, World, part_motion
from diffsim.tasks.config import ThrowConfig


class Evaluation(NamedTuple):
    """How one episode went.

    Attributes:
        loss: what gradient descent and evolution minimise, shape ().
        residuals: what least-squares methods bring to zero, shape (residuals,); the loss is half
            their squared sum where a task is a least-squares problem, None where it is not.
        metrics: figures in the task's own terms, each of shape ().
    """

    loss: jax.Array
    residuals: jax.Array | None
    metrics: dict[str, jax.Array]


class Task(Protocol):
    """What is observed of each state, and what an episode is worth."""

    duration: float
    metric_names: tuple[str, ...]

    def observe(self, world: World, state: State) -> Any:
        """What the evaluation needs of each state of the rollout: a pytree of arrays."""

    def evaluate(self, world: World, rollout: Rollout) -> Evaluation:
        """Loss, residuals and metrics of an episode."""

    def succeeded(self, metrics: dict[str, float]) -> bool:
        """Whether these metrics, as plain numbers, meet the task's goal."""


class Throw:
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
        self.contact = world.contacts.names.index(f"{config.body}/ground")

    def observe(self, world: World, state: State) -> None:
        return None

    def evaluate(self, world: World, rollout: Rollout) -> Evaluation:
        motion = part_motion(world.parts, rollout.state)

        def of_body(vector: Vec3) -> jax.Array:
            return jnp.stack([component[self.part] for component in vector])

        radius = world.contacts.radius_a[self.contact]
        # In all three directions: at the top of a bounce the ball is slow, too, but does not rest.
        x, y = self.config.target
        distance = of_body(motion.position) - jnp.stack([x, y, radius])
        velocity = of_body(motion.velocity)
        spin = radius * of_body(motion.angular_velocity)
        weight = self.config.velocity_weight
        residuals = jnp.concatenate([distance, weight * velocity, weight * spin])
        return Evaluation(
            loss=0.5 * jnp.sum(residuals**2),
            residuals=residuals,
            metrics={
                "position_error": _length(distance),
                "velocity_error": _length(velocity),
                "spin_error": _length(spin),
            },
        )

    def succeeded(self, metrics: dict[str, float]) -> bool:
        return (
            metrics["position_error"] < self.config.position_tolerance
            and metrics["velocity_error"] < self.config.velocity_tolerance
            and metrics["spin_error"] < self.config.velocity_tolerance
        )


def _length(vector: jax.Array) -> jax.Array:
    """Euclidean length, with zero gradient at zero."""
    squared = jnp.sum(vector**2)
    positive = squared > 0.0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)


def make_task(config: ThrowConfig, world: World) -> Task:
    """The task that a config describes, in a world."""
    return Throw(config, world)
