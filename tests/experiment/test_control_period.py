"""Commands are held for a control period, whatever gives them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.cli.configuration import compose_config
from diffsim.experiment.check import check_run
from diffsim.experiment.experiment import Experiment
from diffsim.experiment.scenario import NOTHING
from diffsim.simulate.gradient_flow import EXACT, GradientFlow
from diffsim.simulate.rollout import Reverse, rollout, sample_and_hold
from diffsim.simulate.simulator import Engine
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.validation import ConfigError
from tests.worlds import ball_robot, build

HELD = 3
SHORT = (
    *("robot=cartpole", "task.duration=0.1", "task.measure_after=0.05", "batch=1"),
    *("validation.every=0", "device=cpu", "precision=float64", "task.start.position=0"),
    f"task.control_period={0.01 * HELD}",
)
CLOCK = "+task.sensors={clock: {type: sine, frequency: 2.0}}"
CONTROLLERS = {
    "dense": ("controller.zero_output=false",),
    "recurrent": ("controller=recurrent", "controller.zero_output=false"),
    "clocked": ("controller.zero_output=false", CLOCK),
    "clocked with a memory": ("controller=recurrent", "controller.zero_output=false", CLOCK),
    "table": ("controller=table", "controller.rows=4"),
}


def set_up(*choices: str) -> tuple[Experiment, jax.Array]:
    config = compose_config(*SHORT, *choices)
    check_run(config)
    experiment = Experiment(config)
    x = jnp.asarray(experiment.initial)
    return experiment, x + 0.3 * jnp.sin(jnp.arange(x.size) + 1.0)


def commands(experiment: Experiment, x: jax.Array) -> np.ndarray:
    """Commands at every step, shape (steps, commands)."""

    def run(x: jax.Array) -> Any:
        episode = experiment._episode(x, NOTHING)
        return rollout(*episode, lambda state, control: control.command).observations

    return np.asarray(jax.jit(run)(x))


@pytest.mark.parametrize("choices", CONTROLLERS.values(), ids=CONTROLLERS)
def test_commands_change_with_the_period_alone(choices: tuple[str, ...], float64: None) -> None:
    experiment, x = set_up(*choices)
    found = commands(experiment, x)
    assert len(found) == 10  # the last period is cut off
    for step, command in enumerate(found):
        np.testing.assert_array_equal(command, found[step - step % HELD])
    assert len(np.unique(found[::HELD], axis=0)) == 4


def test_a_command_is_that_of_the_state_at_the_beginning_of_its_period(float64: None) -> None:
    experiment, x = set_up(*CONTROLLERS["dense"])
    free = Experiment(compose_config(*SHORT[:-1], *CONTROLLERS["dense"]))
    first, second = commands(experiment, x), commands(free, x)
    np.testing.assert_allclose(first[0], second[0], rtol=1e-12)
    assert not np.allclose(first[1], second[1])


@pytest.mark.parametrize("name", ["dense", "clocked with a memory"])
def test_the_gradient_is_that_of_differences(name: str, float64: None) -> None:
    experiment, x = set_up(*CONTROLLERS[name])
    loss = jax.jit(lambda x: experiment.evaluate(x).loss)
    direction = jnp.cos(jnp.arange(x.size))
    slope = float(jax.jit(jax.grad(lambda x: experiment.evaluate(x).loss))(x) @ direction)
    step = 1e-5
    difference = float(loss(x + step * direction) - loss(x - step * direction)) / (2.0 * step)
    assert slope == pytest.approx(difference, rel=1e-6)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (("task.control_period=0.015",), "must be a multiple of simulation.dt (0.01), got 0.015"),
        (("task.control_period=0",), "task.control_period must be > 0"),
        (("task.control_period=1e30",), "task.control_period must be at most task.duration (0.1)"),
        (
            ("optimizer.truncation=4",),
            "optimizer.truncation must be a multiple of the 3 time steps",
        ),
        (
            ("controller=convolutional", "controller.camera=front"),
            "task.control_period must be null for a controller that sees",
        ),
    ],
)
def test_a_period_that_cannot_be_is_named(choices: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_run(compose_config(*SHORT, *choices))
    assert message in str(error.value)


def test_a_truncated_gradient_counts_its_own_segments_commands_in_full() -> None:
    """A ball is pushed for two periods of three steps: the speed's slope is that of the second."""
    world, state = build(ball_robot(axis=[1.0, 0.0, 0.0], position=[0.0, 0.0, 5.0]), timestep=0.01)

    def speed(force: jax.Array, flow: GradientFlow) -> jax.Array:
        policy = sample_and_hold(lambda memory, s: (memory, force[None]), (), jnp.zeros(1), 3)
        engine = Engine(world, ProjectedGaussSeidel())
        end = rollout(engine, state, policy, 6, reverse=Reverse(flow=flow))
        return end.state.twist.linear.x[0]

    force = jnp.asarray(0.5)
    whole = float(jax.grad(speed)(force, EXACT))
    cut = float(jax.grad(speed)(force, GradientFlow(truncation=3)))
    assert whole == pytest.approx(6 * 0.01 / float(world.bodies.mass[0]), rel=1e-5)
    assert cut == pytest.approx(0.5 * whole, rel=1e-5)
    with pytest.raises(ValueError, match="truncation must be a multiple of 3, got 2"):
        speed(force, GradientFlow(truncation=2))
