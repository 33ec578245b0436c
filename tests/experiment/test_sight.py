"""Policies that see: when they look, and the gradient through what they see."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.cli.configuration import compose_config
from diffsim.experiment.check import check_run
from diffsim.experiment.experiment import Experiment
from diffsim.experiment.sight import Sight
from diffsim.validation import ConfigError
from tests.worlds import with_motion

SMALL = (
    *("experiment=pendulum_camera", "device=cpu", "robot.cameras.front.resolution=[24,16]"),
    *("controller.kernels=[4,2]", "controller.strides=[4,2]", "controller.hidden=[5]"),
    *("controller.channels=[3,4]", "controller.zero_output=false", "task.duration=0.12"),
    *("task.measure_after=0", "controller.every=4", "batch=2"),
)


def test_commands_are_held_until_the_next_image():
    config = compose_config(*SMALL)
    experiment = Experiment(config)
    parameters = experiment.variables.unpack(jnp.asarray(experiment.initial)).parameters
    world, state = experiment.scenario.begin(config, experiment._watched())
    sight = Sight(config, experiment.controller, world)
    policy = sight.policy(parameters, state)
    assert policy.every == 4
    held, commands = policy.memory, []
    for offset in (0.0, 0.2):
        moved = with_motion(
            state, position=state.pose.position._replace(x=state.pose.position.x + offset)
        )
        held = jax.jit(policy.look)(held, moved)
        after, control = policy.act(held, state)
        assert after is held
        commands.append(float(control.command[0]))
    assert 0.0 != commands[0] != commands[1]


@pytest.mark.slow
def test_the_gradient_through_soft_images_is_that_of_central_differences():
    """The pole moves by what the net commands, which sees it move: through two more images."""
    config = compose_config(
        *SMALL,
        *("precision=float64", "robot.cameras.front.softness=0.05", "controller.activation=tanh"),
        *("task.duration=0.2",),
    )
    with jax.enable_x64(True):
        experiment = Experiment(config)
        x = jnp.asarray(experiment.initial, jnp.float64)
        key = jax.random.key(1)
        loss = jax.jit(lambda x: experiment.evaluate(x, key).loss)
        found = jax.jit(jax.grad(lambda x: experiment.evaluate(x, key).loss))(x)
        way = jax.random.normal(jax.random.key(2), x.shape)
        step = 1e-6
        difference = (loss(x + step * way) - loss(x - step * way)) / (2.0 * step)
        assert abs(float(difference)) > 1e-4
        np.testing.assert_allclose(found @ way, difference, rtol=1e-5)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("controller.camera=side", r"controller\.camera must be one of front, got 'side'"),
        ("controller.kernels=[4]", r"controller\.kernels must have 2 numbers"),
        ("controller.strides=[4,2,2]", r"controller\.strides must have 2 numbers"),
        ("controller.kernels=[8,13]", r"controller\.kernels must fit"),
        ("controller.frames=0", r"controller\.frames must be >= 1"),
    ],
)
def test_bad_settings_are_named(override, says):
    with pytest.raises(ConfigError, match=says):
        check_run(compose_config("experiment=pendulum_camera", override))
