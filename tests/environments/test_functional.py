"""The environment of Brax's shape: one robot at a time, to be put into ``jax.vmap``."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.cli.configuration import compose_config
from diffsim.environments.environment import Environment
from diffsim.environments.functional import FunctionalEnvironment
from diffsim.robots.actuators import finite_ranges
from diffsim.robots.replace import replace
from diffsim.validation import ConfigError
from tests.robots_in_package import robot_config

CHOICES = (
    "experiment=swing_up",
    "robot.motors.drive.command_range=[-2,2]",
    "task.duration=0.1",
    "task.measure_after=0.0",
    "device=cpu",
    "precision=float64",
)


def test_it_is_the_environment_one_robot_at_a_time(float64: None) -> None:
    config = compose_config(*CHOICES)
    functional, single = FunctionalEnvironment(config), Environment(config)
    assert (functional.observation_size, functional.action_size) == (5, 1)
    assert (functional.dt, functional.episode_length) == (0.01, 10)
    keys = jax.random.split(jax.random.key(0), 3)
    actions = jnp.array([[0.5], [-1.0], [7.0]])
    states = jax.vmap(functional.reset)(keys)
    step = jax.jit(jax.vmap(functional.step))
    states = step(states.replace(info={"steps": jnp.ones(3)}), actions)
    assert states.obs.shape == (3, 5)
    assert sorted(states.info) == ["steps", "truncation"]
    for k in range(3):
        command = 2.0 * jnp.clip(actions[k], -1.0, 1.0)
        alone = single.advance(single.reset(keys[k]), command)
        np.testing.assert_allclose(states.obs[k], alone.observation, rtol=1e-10)
        assert float(states.reward[k]) == pytest.approx(-float(alone.cost))
    for _ in range(functional.episode_length - 1):
        assert not np.any(states.done)
        states = step(states, actions)
    assert np.all(states.done == 1.0)
    assert np.all(states.info["truncation"] == 1.0)


def test_a_command_goes_as_far_as_it_has_an_effect() -> None:
    cartpole = robot_config("cartpole")
    assert finite_ranges(cartpole) == [(-3.0, 3.0)]
    motor = {"motors.drive.type": "torque", "motors.drive.max_velocity": float("inf")}
    assert finite_ranges(replace(cartpole, motor)) == [(-500.0, 500.0)]
    own = {"motors.drive.command_range": [-1.0, 2.0]}
    assert finite_ranges(replace(cartpole, own)) == [(-1.0, 2.0)]
    for low, high in finite_ranges(robot_config("quadruped")):
        assert -np.pi <= low < high <= np.pi
    servo = {
        "motors.drive.type": "position",
        "joints.rail.lower": [4.0],
        "joints.rail.upper": [5.0],
    }
    assert finite_ranges(replace(cartpole, servo)) == [(4.0, 5.0)]
    motor = {"motors.drive.type": "position"}
    with pytest.raises(ConfigError, match=r"robot\.motors\.drive\.command_range must be given"):
        finite_ranges(replace(cartpole, motor))
