"""The contract of a task, and its registry.

An episode of a task begins with a draw: what is random in it. Arrays may have one more axis behind
all others, of robots that live through different episodes side by side.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import jax

from diffsim.math.vectors import Vec3
from diffsim.simulate.rollout import Rollout
from diffsim.tasks.config import AnyTaskConfig, GaitConfig, ReachConfig
from diffsim.world.world import State, World

Draw = Any
"""What is random in an episode: a pytree of arrays, None if nothing is."""


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
    """What is drawn and observed, and what an episode is worth.

    Attributes:
        duration: of an episode [s].
        metric_names: of the figures in an evaluation.
        random: whether episodes differ.
    """

    duration: float
    metric_names: tuple[str, ...]
    random: bool

    def draw(self, key: jax.Array) -> Draw:
        """What is random in an episode."""

    def goal(self, draw: Draw) -> Vec3 | None:
        """What sensors of the type ``goal`` read [m]."""

    def observe(self, world: World, state: State, draw: Draw) -> Any:
        """What the evaluation needs of each state of the rollout: a pytree of arrays."""

    def evaluate(self, world: World, rollout: Rollout, draw: Draw) -> Evaluation:
        """Loss, residuals and metrics of an episode."""

    def succeeded(self, metrics: dict[str, float]) -> bool:
        """Whether these metrics, as plain numbers, meet the task's goal."""


class SameEpisode:
    """What a task has whose episodes are all the same one: nothing is drawn."""

    random = False

    def draw(self, key: jax.Array) -> Draw:
        return None

    def goal(self, draw: Draw) -> Vec3 | None:
        return None


def part_vector(vector: Vec3, part: int) -> Vec3:
    """The vector of one part, components of shape () or (robots,)."""
    return Vec3(*(component[part] for component in vector))


def make_task(config: AnyTaskConfig, world: World) -> Task:
    """The task that a config describes, in a world."""
    from diffsim.tasks.gait import Gait
    from diffsim.tasks.reach import Reach
    from diffsim.tasks.throw import Throw

    if isinstance(config, ReachConfig):
        return Reach(config, world)
    if isinstance(config, GaitConfig):
        return Gait(config, world)
    return Throw(config, world)
