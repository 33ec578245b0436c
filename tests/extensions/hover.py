"""A task: a body stays at a height."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from diffsim.simulate.rollout import Rollout
from diffsim.tasks.config import TaskConfig
from diffsim.tasks.figures import Figure
from diffsim.tasks.table import TASKS
from diffsim.tasks.task import Draw, Evaluation, SameEpisode
from diffsim.validation import bounded
from diffsim.world.world import State, World, part_motion


@dataclass
class HoverConfig(TaskConfig):
    """Keep a body at a height."""

    kind: str = bounded("hover", choices=("hover",))
    height: float = bounded(1.0, above=0)  # [m]
    tolerance: float = bounded(0.01, above=0)  # [m]


class Hover(SameEpisode):
    """The mean squared distance of a body's height from the one that is asked for."""

    Config = HoverConfig
    figures: ClassVar[Mapping[str, Figure]] = {"height_error": Figure("m", larger=False)}
    judged_by = "height_error"

    def __init__(self, config: HoverConfig, world: World) -> None:
        self.config = config
        self.part = world.parts.names.index(config.body)

    def observe(self, world: World, state: State, draw: Draw) -> jax.Array:
        """Height error [m]."""
        return part_motion(world.parts, state).pose.position.z[self.part] - self.config.height

    def evaluate(self, world: World, rollout: Rollout, draw: Draw) -> Evaluation:
        off: jax.Array = rollout.observations
        return Evaluation(
            loss=jnp.mean(off**2, axis=0),
            residuals=None,
            metrics={"height_error": jnp.abs(off[-1])},
        )

    def succeeded(self, metrics: dict[str, float]) -> bool:
        return metrics["height_error"] < self.config.tolerance


TASKS.add("hover", Hover)
