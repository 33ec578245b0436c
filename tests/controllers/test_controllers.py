"""Controllers: their sizes, their zero policy, and that all ways to apply them agree."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.controllers.command_table import CommandTableConfig
from diffsim.controllers.dense import DenseConfig
from diffsim.controllers.linear import LinearConfig
from diffsim.controllers.none import NoControllerConfig
from diffsim.controllers.recurrent import CELLS, RecurrentConfig
from tests.kinds import make_controller

READINGS, COMMANDS, STEPS, ROBOTS = 3, 2, 7, 4
# Sums in another order, in float32.
ROUND_OFF = 1e-5

CONFIGS = {
    "none": NoControllerConfig(),
    "linear": LinearConfig(),
    "dense": DenseConfig(hidden=[8, 5], skip=True, zero_output=False),
    **{cell: RecurrentConfig(cell=cell, memory=6, hidden=[5], zero_output=False) for cell in CELLS},
}


def size(config, readings, commands) -> int:
    parameters, _ = make_controller(config, readings, commands).init(jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(parameters))


@pytest.mark.parametrize(
    ("config", "readings", "commands", "parameters"),
    [
        (DenseConfig(hidden=[128, 128]), 1, 4, 17_284),
        (DenseConfig(hidden=[1024] * 3), 3, 4, 2_107_396),
        (DenseConfig(hidden=[128, 128], skip=True), 2, 8, 17_952),
        (LinearConfig(bias=False), 81, 16, 1_296),
        (DenseConfig(hidden=[1024, 1024], bias=False), 81, 16, 1_147_904),
    ],
)
def test_the_controllers_of_the_paper_have_its_numbers_of_parameters(
    config, readings, commands, parameters
):
    assert size(config, readings, commands) == parameters


@pytest.mark.parametrize(("bias_scale", "hears"), [(0.0, False), (1.0, True)])
def test_a_net_whose_readings_are_zero_is_more_than_its_last_bias_with_biases(bias_scale, hears):
    config = DenseConfig(hidden=[8, 5], bias_scale=bias_scale, zero_output=False)
    parameters, _ = make_controller(config, READINGS, COMMANDS).init(jax.random.key(1))
    bias = parameters["layers"][0]["bias"]
    assert float(jnp.abs(bias).max()) <= bias_scale / READINGS**0.5

    def total(parameters):
        return jnp.sum(
            make_controller(config, READINGS, COMMANDS).apply(parameters, (), jnp.zeros(READINGS))[
                1
            ]
        )

    slope = jax.grad(total)(parameters)["layers"][-1]
    assert bool(jnp.any(slope["weights"] != 0.0)) == hears
    assert bool(jnp.all(slope["bias"] == 1.0))


@pytest.mark.parametrize(
    "config",
    [LinearConfig(), DenseConfig(skip=True), RecurrentConfig(), RecurrentConfig(hidden=[8])],
    ids=lambda config: type(config).__name__,
)
def test_the_first_policy_is_the_zero_policy_and_can_be_trained(config):
    controller = make_controller(config, READINGS, COMMANDS)
    parameters, memory = controller.init(jax.random.key(1))

    def total(parameters):
        return jnp.sum(controller.apply(parameters, memory, jnp.ones(READINGS))[1])

    value, slope = jax.value_and_grad(total)(parameters)
    assert float(value) == 0.0
    assert sum(float(jnp.abs(leaf).sum()) for leaf in jax.tree.leaves(slope)) > 0.0


@pytest.mark.parametrize("name", CONFIGS)
def test_robots_side_by_side_get_what_each_gets_alone(name):
    controller, parameters, memory = trained(name)
    readings = jax.random.normal(jax.random.key(2), (STEPS, READINGS, ROBOTS))
    wide = jax.tree.map(lambda m: jnp.broadcast_to(m[..., None], (*m.shape, ROBOTS)), memory)
    together = step_by_step(controller, parameters, wide, readings)
    for robot in range(ROBOTS):
        alone = step_by_step(controller, parameters, memory, readings[..., robot])
        np.testing.assert_allclose(together[..., robot], alone, atol=ROUND_OFF)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("robots", [(), (ROBOTS,)])
def test_all_steps_at_once_are_those_steps_one_by_one(name, robots):
    controller, parameters, memory = trained(name)
    readings = jax.random.normal(jax.random.key(3), (STEPS, READINGS, *robots))
    memory = jax.tree.map(
        lambda m: jnp.broadcast_to(m.reshape(*m.shape, *(1,) * len(robots)), (*m.shape, *robots)),
        memory,
    )
    at_once = controller.unroll(parameters, memory, readings)
    assert at_once.shape == (STEPS, COMMANDS, *robots)
    np.testing.assert_allclose(
        at_once, step_by_step(controller, parameters, memory, readings), atol=ROUND_OFF
    )


@pytest.mark.parametrize("cell", CELLS)
def test_what_was_read_before_is_remembered(cell):
    controller, parameters, memory = trained(cell)
    readings = jnp.zeros((STEPS, READINGS)).at[0].set(1.0)
    spoken = controller.unroll(parameters, memory, readings)
    silent = controller.unroll(parameters, memory, jnp.zeros((STEPS, READINGS)))
    assert np.abs(spoken - silent)[1:].max() > 1e-3


@pytest.mark.parametrize("interpolate", [False, True])
def test_a_table_is_held_or_interpolated_over_the_episode(interpolate):
    controller = make_controller(CommandTableConfig(rows=3, interpolate=interpolate), READINGS, 1)
    parameters, memory = controller.init(jax.random.key(0))
    np.testing.assert_array_equal(parameters["rows"], np.zeros((3, 1)))
    rows = {"rows": jnp.array([[0.0], [3.0], [9.0]])}
    commands = controller.unroll(rows, memory, jnp.zeros((9, 0)))[:, 0]
    held = [0, 0, 0, 3, 3, 3, 9, 9, 9]
    between = [0, 0, 1, 2, 3, 5, 7, 9, 9]
    np.testing.assert_allclose(commands, between if interpolate else held, atol=ROUND_OFF)
    wide = controller.unroll(rows, memory, jnp.zeros((9, 0, ROBOTS)))
    assert wide.shape == (9, 1, ROBOTS)


def trained(name):
    """A controller with parameters that are not zero."""
    controller = make_controller(CONFIGS[name], READINGS, COMMANDS)
    parameters, memory = controller.init(jax.random.key(0))
    parameters = jax.tree.map(
        lambda leaf: leaf + 0.3 * jax.random.normal(jax.random.key(leaf.size), leaf.shape),
        parameters,
    )
    return controller, parameters, memory


def step_by_step(controller, parameters, memory, readings):
    commands = []
    for now in readings:
        memory, command = controller.apply(parameters, memory, now)
        commands.append(command)
    return jnp.stack(commands)
