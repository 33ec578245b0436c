"""An environment in the shape that users of Brax and MuJoCo Playground know.

``reset`` and ``step`` are pure functions of a single robot, to be put into ``jax.vmap``; episodes
do not begin anew by themselves. Robots side by side in ``Environment`` are faster.

Source: Freeman et al., "Brax: a differentiable physics engine for large scale rigid body
simulation", 2021; Zakka et al., "MuJoCo Playground", 2025.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from diffsim.environments.environment import Environment, EnvironmentState
from diffsim.environments.scaling import ActionScale
from diffsim.experiment.config import RunConfig
from diffsim.math.pytrees import pytree


@pytree
class FunctionalState:
    """Result of ``reset`` and ``step``.

    Attributes:
        pipeline_state: of the environment; opaque.
        obs: readings of the sensors, shape (readings,).
        reward: the negative cost, shape ().
        done: 1 where the episode is over, else 0, shape ().
        metrics: figures of the task, each of shape ().
        info: ``truncation`` is 1 where it is over because its time is.
    """

    pipeline_state: EnvironmentState
    obs: jax.Array
    reward: jax.Array
    done: jax.Array
    metrics: dict[str, jax.Array]
    info: dict[str, Any]

    def replace(self, **changes: Any) -> FunctionalState:
        """A copy with other values of some attributes."""
        return dataclasses.replace(self, **changes)


class FunctionalEnvironment:
    """Robot and task of a config as an environment of Brax's shape.

    Actions are between -1 and 1 and mean the range of each command.

    Attributes:
        observation_size, action_size: how many numbers each has.
        dt: control period [s].
        episode_length: control periods in an episode.
    """

    def __init__(self, config: RunConfig) -> None:
        """The environment of a config; it raises as ``Environment`` does."""
        self._environment = Environment(config)
        self._scale = ActionScale(config.robot)
        self.observation_size = len(self._environment.observation_names)
        self.action_size = self._environment.action_count
        self.dt = config.simulation.dt * self._environment.substeps
        self.episode_length = self._environment.steps

    def reset(self, rng: jax.Array) -> FunctionalState:
        """The robot at the start of an episode."""
        return self._result(self._environment.reset(rng), {})

    def step(self, state: FunctionalState, action: jax.Array) -> FunctionalState:
        """The robot one control period later; what others have put into ``info`` stays."""
        now = self._environment.advance(state.pipeline_state, self._scale.command(action))
        return self._result(now, state.info)

    def _result(self, now: EnvironmentState, info: dict[str, Any]) -> FunctionalState:
        dtype = now.observation.dtype
        return FunctionalState(
            pipeline_state=now,
            obs=now.observation,
            reward=-now.cost,
            done=jnp.asarray(now.done, dtype),
            metrics=now.metrics,
            info={**info, "truncation": jnp.asarray(now.truncated, dtype)},
        )
