"""A robot that moves forward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.tasks.config import TaskConfig
from diffsim.tasks.effort import Work, effort_cost, observe_work
from diffsim.tasks.figures import Figure
from diffsim.tasks.task import End, Task, Transition, part_vector
from diffsim.validation import bounded
from diffsim.world.world import World, part_motion


@dataclass
class GaitConfig(TaskConfig):
    """Move a body forward, along x, as fast as possible."""

    kind: str = bounded("gait", choices=("gait",))
    speed: float = bounded(1.17, above=0)  # mean over the episode that counts as success [m/s]


class GaitStep(NamedTuple):
    """Observation of one step: the body's velocity along x [m/s] and its height [m]."""

    velocity: jax.Array
    height: jax.Array
    work: Work


class Gait(Task):
    """The mean forward velocity of a body is maximised (Degrave et al., section 3.3).

    It is the mean over all steps' velocities, so that every step has its say in the gradient, also
    where the gradient decays in time; the distance covered at the end would have it at the last.
    """

    Config = GaitConfig
    figures: ClassVar[Mapping[str, Figure]] = {
        "speed": Figure("m/s", larger=True),
        "height": Figure("m", larger=None),
        "sideways": Figure("m", larger=None),
    }
    judged_by = "speed"
    shown = 0.8  # about a stride: a gait repeats itself

    def __init__(self, config: GaitConfig, world: World) -> None:
        self.config = config
        self.part = world.parts.names.index(config.body)

    def observe(self, now: Transition) -> GaitStep:
        motion = part_motion(now.world.parts, now.state)
        return GaitStep(
            part_vector(motion.twist.linear, self.part).x,
            part_vector(motion.pose.position, self.part).z,
            observe_work(self.config.effort, now.world, now.state),
        )

    def cost(self, seen: GaitStep, before: GaitStep, step: jax.Array) -> jax.Array:
        return effort_cost(self.config.effort, seen.work, before.work) - seen.velocity

    def measure(self, seen: GaitStep, end: End) -> dict[str, jax.Array]:
        motion = part_motion(end.world.parts, end.state)
        return {
            "speed": jnp.mean(seen.velocity, axis=0),
            "height": jnp.mean(seen.height, axis=0),
            "sideways": part_vector(motion.pose.position, self.part).y,
        }

    def succeeded(self, metrics: dict[str, float]) -> bool:
        return metrics["speed"] >= self.config.speed
