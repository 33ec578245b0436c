"""The contract of a task.

A task says what is random in an episode, what is observed after every time step, what that costs,
and what an episode's figures are. The loss of an episode is the mean of the costs of its steps plus
the cost of its end. So one task serves learning from whole episodes and step by step
(``diffsim.environments``).

Arrays may have one more axis behind all others, of robots that live through different episodes side
by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.math.vectors import Vec3
from diffsim.tasks.config import TaskConfig
from diffsim.tasks.figures import Figure
from diffsim.world.world import State, World

Draw = Any
"""What is random in an episode: a pytree of arrays, None if nothing is."""


class Transition(NamedTuple):
    """A time step, as a task sees it.

    Attributes:
        world: of the robot.
        state: after the step.
        command: that led there, shape (commands,).
        draw: of the episode.
    """

    world: World
    state: State
    command: jax.Array
    draw: Draw


class End(NamedTuple):
    """The end of an episode, or what it has come to so far; as ``Transition``."""

    world: World
    state: State
    draw: Draw


class Terminal(NamedTuple):
    """Cost of the end of an episode.

    Attributes:
        cost: shape ().
        residuals: shape (residuals,), where the cost is half their squared sum and least-squares
            methods may bring them to zero; else None.
    """

    cost: jax.Array | float
    residuals: jax.Array | None = None


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


class Task:
    """Base of all tasks; one that draws nothing and sets no goal leaves these methods as they are.

    Attributes:
        Config: what its YAML file may say.
        figures: what an evaluation tells beside the loss, by name.
        judged_by: the figure, or "loss", that says most about success.
        shown: length of the end of an episode that a film strip shows [s]; None for all of it.
    """

    Config: ClassVar[type[TaskConfig]]
    figures: ClassVar[Mapping[str, Figure]]
    judged_by: ClassVar[str]
    shown: ClassVar[float | None] = None

    def __init__(self, config: Any, world: World) -> None:
        """The task that a ``Config`` describes, in a world."""
        raise NotImplementedError

    def draw(self, key: jax.Array) -> Draw:
        """Draw what is random in an episode; None if the config's ``draws`` is false."""
        return None

    def goal(self, draw: Draw) -> Vec3 | None:
        """Goal that sensors of the type ``goal`` read [m]."""
        return None

    def observe(self, now: Transition) -> Any:
        """Observe what costs and figures need of a time step: a pytree of arrays."""
        raise NotImplementedError

    def cost(self, seen: Any, before: Any, step: jax.Array) -> jax.Array:
        """Cost of a time step.

        Args:
            seen: what ``observe`` gave after the step.
            before: what it gave after the one before; the same as ``seen`` at the first.
            step: number of the step, from 0 on, shape ().
        """
        raise NotImplementedError

    def terminal(self, end: End) -> Terminal:
        """Cost of the end of an episode."""
        return Terminal(0.0)

    def ended(self, now: Transition) -> jax.Array:
        """Return whether an episode ends here, as by a fall, if lived step by step; shape ()."""
        return jnp.zeros(now.state.time.shape, bool)

    def measure(self, seen: Any, end: End) -> dict[str, jax.Array]:
        """Figures of an episode, each of shape ().

        Args:
            seen: what ``observe`` gave, with a leading axis (steps,).
            end: of the episode.
        """
        raise NotImplementedError

    def evaluate(self, seen: Any, end: End) -> Evaluation:
        """Loss, residuals and figures of a whole episode; arguments as for ``measure``.

        A task whose loss is no mean over time may have this in the place of ``cost``, and is then
        none to be lived step by step.
        """
        steps = jax.tree.leaves(seen)[0].shape[0] if jax.tree.leaves(seen) else 1
        before = jax.tree.map(lambda leaf: jnp.concatenate([leaf[:1], leaf[:-1]]), seen)
        costs = jax.vmap(self.cost)(seen, before, jnp.arange(steps))
        terminal = self.terminal(end)
        return Evaluation(
            loss=jnp.mean(costs, axis=0) + terminal.cost,
            residuals=terminal.residuals,
            metrics=self.measure(seen, end),
        )

    def succeeded(self, metrics: dict[str, float]) -> bool:
        """Return whether these metrics, as plain numbers, meet the task's goal."""
        raise NotImplementedError


def step_count(duration: float, timestep: float) -> int:
    """Number of time steps in an episode; times in seconds."""
    return max(1, round(duration / timestep))


def part_vector(vector: Vec3, part: int) -> Vec3:
    """The vector of one part, components of shape () or (robots,)."""
    return Vec3(*(component[part] for component in vector))
