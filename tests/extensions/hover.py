"""A task: a body stays at a height."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from diffsim.tasks.config import TaskConfig
from diffsim.tasks.figures import Figure
from diffsim.tasks.table import TASKS
from diffsim.tasks.task import End, Task, Transition
from diffsim.validation import bounded
from diffsim.world.world import World, part_motion


@dataclass
class HoverConfig(TaskConfig):
    """Keep a body at a height."""

    kind: str = bounded("hover", choices=("hover",))
    height: float = bounded(1.0, above=0)  # [m]
    tolerance: float = bounded(0.01, above=0)  # [m]


class Hover(Task):
    """The mean squared distance of a body's height from the one that is asked for."""

    Config = HoverConfig
    figures: ClassVar[Mapping[str, Figure]] = {"height_error": Figure("m", larger=False)}
    judged_by = "height_error"

    def __init__(self, config: HoverConfig, world: World) -> None:
        self.config = config
        self.part = world.parts.names.index(config.body)

    def observe(self, now: Transition) -> jax.Array:
        """Height error [m]."""
        height = part_motion(now.world.parts, now.state).pose.position.z[self.part]
        return height - self.config.height

    def cost(self, seen: jax.Array, before: jax.Array, step: jax.Array) -> jax.Array:
        return seen**2

    def measure(self, seen: jax.Array, end: End) -> dict[str, jax.Array]:
        return {"height_error": jnp.abs(seen[-1])}

    def succeeded(self, metrics: dict[str, float]) -> bool:
        return metrics["height_error"] < self.config.tolerance


TASKS.add("hover", Hover)
