"""A body that is brought to a point and stays there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.math.vectors import Vec3
from diffsim.robots.config import RobotConfig
from diffsim.tasks.config import TaskConfig
from diffsim.tasks.effort import Work, effort_cost, observe_work
from diffsim.tasks.figures import Figure
from diffsim.tasks.task import Draw, End, Task, Transition, part_vector, step_count
from diffsim.validation import ConfigError, Frozen, bounded
from diffsim.world.world import World, part_motion


@dataclass
class ShellConfig(Frozen):
    """Part of a hollow ball, from which points are drawn evenly by volume."""

    center: list[float] = bounded([0.0, 0.0, 0.0], length=3)  # [m]
    inner: float = bounded(0.0, at_least=0)  # [m]
    outer: float | None = bounded(None, above=0)  # [m]; null: nothing is drawn
    lowest: float = 0.0  # no point is below this height [m]

    def check(self) -> None:
        """Check that there is something between its bounds."""
        if self.outer is None:
            return
        if self.outer <= self.inner:
            raise ConfigError(
                f"task.shell.outer must be > task.shell.inner ({self.inner}), got {self.outer}"
            )
        top = self.center[2] + self.outer
        if self.lowest >= top:
            raise ConfigError(
                f"task.shell.lowest must be below the shell's top ({top}), got {self.lowest}"
            )


@dataclass
class ReachConfig(TaskConfig):
    """Bring a body to a point and keep it there: the same one always, or another in each episode.

    The loss is the mean distance over time, or over the time after ``loss_after``.
    """

    sets_goal: ClassVar[bool] = True

    kind: str = bounded("reach", choices=("reach",))
    target: list[float] | None = bounded(None, length=3)  # [m]
    # Where a target is drawn in each episode, if none is given.
    shell: ShellConfig = field(default_factory=ShellConfig)
    loss_after: float = bounded(0.0, at_least=0)  # [s]
    # From when on the distance counts for success [s]; null: at the very end.
    measure_after: float | None = bounded(None, at_least=0)
    tolerance: float = bounded(0.01, above=0)  # [m]
    velocity_weight: float = bounded(0.0, at_least=0)  # [s], of the body's speed in the loss

    @property
    def draws(self) -> bool:
        """True if a target is drawn in each episode."""
        return self.target is None

    def check(self, robot: RobotConfig) -> None:
        """Check that there is one target, and time to reach it, beside what all tasks need."""
        super().check(robot)
        if (self.target is None) == (self.shell.outer is None):
            got = "neither" if self.target is None else "both"
            raise ConfigError(f"task must have either a target or a shell.outer, got {got}")
        for name in ("loss_after", "measure_after"):
            time = getattr(self, name)
            if time is not None and time >= self.duration:
                raise ConfigError(
                    f"task.{name} must be < task.duration ({self.duration}), got {time}"
                )
        self.shell.check()


class ReachStep(NamedTuple):
    """Observation of one step: the body's distance to the target [m] and its speed [m/s]."""

    distance: jax.Array
    speed: jax.Array
    work: Work


class Reach(Task):
    """Mean distance of a body to a target over time, which a task with a shell draws anew.

    The arm of the paper, to a fixed point and to random ones (Degrave et al., sections 3.2.1 and
    3.2.2), and the pendulum's end to the upright point, with a penalty on speed (section 3.4).
    """

    Config = ReachConfig
    figures: ClassVar[Mapping[str, Figure]] = {
        "mean_distance": Figure("m", larger=False),
        "end_distance": Figure("m", larger=False),
        "worst_distance": Figure("m", larger=False),
    }
    judged_by = "end_distance"

    def __init__(self, config: ReachConfig, world: World) -> None:
        self.config = config
        self.part = world.parts.names.index(config.body)
        # The shortest text of the number, as the config has it, and not float32's next to it.
        self.steps = step_count(config.duration, float(str(world.timestep)))

    def draw(self, key: jax.Array) -> Draw:
        return point_in_shell(key, self.config.shell) if self.config.draws else None

    def goal(self, draw: Draw) -> Vec3 | None:
        if self.config.target is None:
            return draw
        return Vec3(*(jnp.asarray(number, float) for number in self.config.target))

    def observe(self, now: Transition) -> ReachStep:
        motion = part_motion(now.world.parts, now.state)
        goal = self.goal(now.draw)
        assert goal is not None
        return ReachStep(
            (part_vector(motion.pose.position, self.part) - goal).length(),
            part_vector(motion.twist.linear, self.part).length(),
            observe_work(self.config.effort, now.world, now.state),
        )

    def cost(self, seen: ReachStep, before: ReachStep, step: jax.Array) -> jax.Array:
        # Only some steps count, so much more that the mean over all is the mean over these.
        first = self._step(self.steps, self.config.loss_after)
        share = jnp.where(step >= first, self.steps / (self.steps - first), 0.0)
        counted = seen.distance + self.config.velocity_weight * seen.speed
        return share * counted + effort_cost(self.config.effort, seen.work, before.work)

    def measure(self, seen: ReachStep, end: End) -> dict[str, jax.Array]:
        steps = seen.distance.shape[0]
        at_the_end = seen.distance[self._step(steps, self.config.measure_after) :]
        return {
            "mean_distance": jnp.mean(seen.distance, axis=0),
            "end_distance": jnp.mean(at_the_end, axis=0),
            "worst_distance": jnp.max(at_the_end, axis=0),
        }

    def succeeded(self, metrics: dict[str, float]) -> bool:
        return metrics["end_distance"] < self.config.tolerance

    def _step(self, steps: int, time: float | None) -> int:
        """The first of so many steps that counts from a time on; the last one for None."""
        if time is None:
            return steps - 1
        return min(steps - 1, round(steps * time / self.config.duration))


def point_in_shell(key: jax.Array, shell: ShellConfig) -> Vec3:
    """A point, evenly distributed by volume over the part of the shell above its lowest height."""
    assert shell.outer is not None
    keys = jax.random.split(key, 3)
    # Directions in which the outer sphere is above the lowest height. What is below it all the same
    # is lifted to it; of a shell that is cut at its centre's height nothing is.
    floor = jnp.clip((shell.lowest - shell.center[2]) / shell.outer, -1.0, 1.0)
    cosine = jax.random.uniform(keys[0], (), minval=floor, maxval=1.0)
    sine = jnp.sqrt(jnp.maximum(1.0 - cosine**2, 0.0))
    around = 2.0 * jnp.pi * jax.random.uniform(keys[1], ())
    cubed = jax.random.uniform(keys[2], (), minval=shell.inner**3, maxval=shell.outer**3)
    radius = jnp.cbrt(cubed)
    x, y, z = shell.center
    return Vec3(
        x + radius * sine * jnp.cos(around),
        y + radius * sine * jnp.sin(around),
        jnp.maximum(z + radius * cosine, shell.lowest),
    )
