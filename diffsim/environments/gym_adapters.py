"""Environments for gymnasium: one robot, or several as a vector; ``pip install gymnasium``.

Rewards are negative costs, observations the sensors' readings, actions between -1 and 1 mean the
range of each command. All of it is numpy's float32. ``info`` has the task's figures.

Source: Towers et al., "Gymnasium: a standard interface for reinforcement learning environments",
2024.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from diffsim.environments.environment import Environment, EnvironmentState
from diffsim.environments.scaling import ActionScale
from diffsim.experiment.config import RunConfig
from diffsim.programs import Program

Arrays = np.ndarray
"""Observations, actions, rewards and the like."""


class _Adapter:
    """Base of both adapters: compiled functions, spaces, and the state between calls."""

    def __init__(
        self,
        environment: Environment,
        advance: Callable[[EnvironmentState, jax.Array], EnvironmentState],
    ) -> None:
        self.environment = environment
        scale = ActionScale(environment.config.robot)

        def step(now: EnvironmentState, action: jax.Array) -> EnvironmentState:
            return advance(now, scale.command(action))

        self.begin = Program(environment.reset)
        self.step = Program(step)
        readings, commands = len(environment.observation_names), environment.action_count
        self.observations = Box(-np.inf, np.inf, (readings,), np.float32)
        self.actions = Box(-1.0, 1.0, (commands,), np.float32)
        self.now: EnvironmentState | None = None

    def reset(self, random: np.random.Generator) -> EnvironmentState:
        """All robots at the start, with a key that numpy's generator draws."""
        self.now = self.begin(jax.random.key(int(random.integers(2**31))))
        return self.now

    def advance(self, action: Arrays) -> EnvironmentState:
        """All robots a control period later; actions with the commands' axis first."""
        if self.now is None:
            raise gymnasium.error.ResetNeeded("reset has to be called before step")
        self.now = self.step(self.now, jnp.asarray(action, float))
        return self.now


class GymnasiumEnvironment(gymnasium.Env[Arrays, Arrays]):
    """One robot and its task as a ``gymnasium.Env``."""

    def __init__(self, config: RunConfig) -> None:
        """The environment of a config; it raises as ``Environment`` does."""
        environment = Environment(config)
        self._adapter = _Adapter(environment, environment.advance)
        self.metadata = {"render_modes": []}
        self.observation_space = self._adapter.observations
        self.action_space = self._adapter.actions

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Arrays, dict[str, Any]]:
        """Begin an episode. ``options`` are of no account."""
        super().reset(seed=seed)
        now = self._adapter.reset(self.np_random)
        return _array(now.observation), _figures(now)

    def step(self, action: Arrays) -> tuple[Arrays, float, bool, bool, dict[str, Any]]:
        """One control period."""
        now = self._adapter.advance(action)
        over = bool(now.terminated), bool(now.truncated)
        return _array(now.observation), -float(now.cost), *over, _figures(now)


class GymnasiumVectorEnvironment(VectorEnv[Arrays, Arrays, Arrays]):
    """Robots side by side as a ``gymnasium.vector.VectorEnv``, robots along the first axis.

    A robot whose episode is over begins the next one in the same step
    (``AutoresetMode.SAME_STEP``): ``info["final_obs"]`` has its last readings.
    """

    def __init__(self, config: RunConfig, num_envs: int) -> None:
        """The environments of a config; it raises as ``Environment`` does."""
        environment = Environment(config, num_envs)
        self._adapter = _Adapter(environment, environment.step)
        self.metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}
        self.num_envs = num_envs
        self.single_observation_space = self._adapter.observations
        self.single_action_space = self._adapter.actions
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Arrays, dict[str, Any]]:
        """Begin episodes. ``options`` are of no account."""
        super().reset(seed=seed)
        now = self._adapter.reset(self.np_random)
        return _array(now.observation).T, _figures(now)

    def step(self, actions: Arrays) -> tuple[Arrays, Arrays, Arrays, Arrays, dict[str, Any]]:
        """One control period of all robots."""
        now = self._adapter.advance(np.asarray(actions).T)
        terminated, truncated = np.asarray(now.terminated), np.asarray(now.truncated)
        info = _figures(now)
        over = terminated | truncated
        if over.any():
            last = np.full(self.num_envs, None, dtype=object)
            for robot in np.flatnonzero(over):
                last[robot] = _array(now.final_observation[:, robot])
            info |= {"final_obs": last, "_final_obs": over}
        return _array(now.observation).T, -_array(now.cost), terminated, truncated, info


def _array(values: jax.Array) -> Arrays:
    return np.array(values, np.float32)


def _figures(now: EnvironmentState) -> dict[str, Any]:
    return {name: np.array(value) for name, value in now.metrics.items()}
