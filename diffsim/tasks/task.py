"""The contract of a task.

An episode of a task begins with a draw: what is random in it. Arrays may have one more axis behind
all others, of robots that live through different episodes side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

import jax

from diffsim.math.vectors import Vec3
from diffsim.simulate.rollout import Rollout
from diffsim.tasks.config import TaskConfig
from diffsim.tasks.figures import Figure
from diffsim.world.world import State, World

Draw = Any
"""What is random in an episode: a pytree of arrays, None if nothing is."""


class Evaluation(NamedTuple):
    """Outcome of one episode.

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
        Config: what its YAML file may say.
        figures: what an evaluation tells beside the loss, by name.
        judged_by: the figure, or "loss", that says most about success.
    """

    Config: ClassVar[type[TaskConfig]]
    figures: ClassVar[Mapping[str, Figure]]
    judged_by: ClassVar[str]

    def __init__(self, config: Any, world: World) -> None:
        """The task that a ``Config`` describes, in a world."""

    def draw(self, key: jax.Array) -> Draw:
        """Draw what is random in an episode; None if the config's ``draws`` is false."""

    def goal(self, draw: Draw) -> Vec3 | None:
        """What sensors of the type ``goal`` read [m]."""

    def observe(self, world: World, state: State, draw: Draw) -> Any:
        """What the evaluation needs of each state of the rollout: a pytree of arrays."""

    def evaluate(self, world: World, rollout: Rollout, draw: Draw) -> Evaluation:
        """Loss, residuals and metrics of an episode."""

    def succeeded(self, metrics: dict[str, float]) -> bool:
        """Whether these metrics, as plain numbers, meet the task's goal."""


class SameEpisode(Task, Protocol):
    """Base of tasks that draw nothing and set no goal."""

    def draw(self, key: jax.Array) -> Draw:
        return None

    def goal(self, draw: Draw) -> Vec3 | None:
        return None


def part_vector(vector: Vec3, part: int) -> Vec3:
    """The vector of one part, components of shape () or (robots,)."""
    return Vec3(*(component[part] for component in vector))
