"""Environments: the same episodes as those of an experiment, lived step by step."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.cli.configuration import compose_config
from diffsim.environments.environment import Environment, EnvironmentState
from diffsim.experiment.config import RunConfig
from diffsim.experiment.experiment import Experiment
from diffsim.robots.replace import replace
from diffsim.simulate.gradient_flow import EXACT
from diffsim.tasks.throw import Throw
from diffsim.validation import ConfigError

SWING = (
    *("experiment=swing_up", "task.duration=0.3", "task.measure_after=0.2", "device=cpu"),
    "precision=float64",
    *("task.effort.torque=1e-4", "task.effort.energy=1e-3", "task.effort.smoothness=1e-4"),
    *("task.push.speed=0.5", "task.push.every=0.1", "controller.zero_output=false"),
)
DRAWN = "+task.randomize={robot.bodies.weight.mass: [2.0, 4.0], simulation.gravity.2: [-10, -9]}"
REACH = (
    *(*SWING, "task.target=null", "task.shell.outer=0.5", "task.shell.center=[0,0,1]"),
    *("task.loss_after=0.05", "task.measure_after=0.1"),
)


def live(
    config: RunConfig, robots: int, steps: int | None = None
) -> tuple[Environment, EnvironmentState, Any, Any]:
    """Robots that do what an experiment's controller says: the start, the steps, and x."""
    experiment = Experiment(config)
    environment = Environment(config, robots)
    x = jnp.asarray(experiment.initial) + 0.1 * jnp.sin(jnp.arange(experiment.initial.size))
    start = environment.reset(jax.random.key(1))
    count = environment.steps if steps is None else steps

    def episode(x: jax.Array) -> EnvironmentState:
        parameters = experiment.variables.unpack(x).parameters

        def step(now: EnvironmentState, _: None) -> tuple[EnvironmentState, EnvironmentState]:
            _, action = experiment.controller.apply(parameters, (), now.observation)
            after = environment.step(now, action)
            return after, after

        return jax.lax.scan(step, start, None, length=count)[1]

    return environment, start, episode, x


@pytest.mark.parametrize(
    "choices",
    [
        (*SWING, "batch=3"),
        (*SWING, DRAWN, "batch=3"),
        (*REACH, "batch=3"),
        (*SWING, "batch=3", "task.control_period=0.03"),
    ],
)
def test_the_mean_cost_of_an_episode_is_the_loss(choices: tuple[str, ...], float64: None) -> None:
    config = compose_config(*choices)
    environment, start, episode, x = live(config, 3)
    seen = jax.jit(episode)(x)
    experiment = Experiment(config)
    found = jax.jit(lambda x: experiment._evaluate(x, start.life.draw, EXACT))(x)
    np.testing.assert_allclose(jnp.mean(seen.cost, axis=0), found.loss, rtol=1e-10)
    assert len({float(loss) for loss in found.loss}) == 3
    assert seen.cost.shape == (environment.steps, 3)
    assert not np.any(seen.truncated[:-1])
    assert np.all(seen.truncated[-1])
    assert not np.any(seen.terminated)


def test_its_gradient_is_that_of_the_loss(float64: None) -> None:
    config = compose_config(*SWING, "batch=3")
    _, start, episode, x = live(config, 3)
    experiment = Experiment(config)
    own = jax.jit(jax.grad(lambda x: jnp.mean(episode(x).cost)))(x)
    draw = start.life.draw
    loss = jax.jit(jax.grad(lambda x: jnp.mean(experiment._evaluate(x, draw, EXACT).loss)))(x)
    np.testing.assert_allclose(own, loss, rtol=1e-8, atol=1e-12)


def test_what_the_end_costs_is_in_the_last_step(float64: None) -> None:
    config = compose_config("robot=ball", "task.duration=0.3", "device=cpu", "precision=float64")
    environment = Environment(config)
    now = environment.reset(jax.random.key(0))
    assert now.observation.shape == (0,)
    step = jax.jit(environment.step)
    costs = []
    for _ in range(environment.steps):
        now = step(now, jnp.zeros(0))
        costs.append(float(now.cost))
    experiment = Experiment(config)
    loss = float(jax.jit(experiment.evaluate)(jnp.asarray(experiment.initial)).loss)
    assert not any(costs[:-1])
    assert np.mean(costs) == pytest.approx(loss, rel=1e-12)
    assert bool(now.truncated)
    assert int(now.life.step) == 0


def test_episodes_that_are_over_begin_anew_with_another_draw(float64: None) -> None:
    config = compose_config(*SWING, DRAWN, "batch=4")
    environment, start, episode, x = live(config, 4, steps=environment_steps(config) + 2)
    seen = jax.jit(episode)(x)
    last = environment.steps - 1
    before, after = start.life.draw.numbers, jax.tree.map(lambda leaf: leaf[last], seen.life.draw)
    for path, drawn in before.items():
        assert not np.any(np.isclose(drawn, after.numbers[path]))
    assert np.all(seen.life.step[last] == 0)
    assert np.all(seen.life.step[last + 1] == 1)
    assert not np.allclose(seen.observation[last], seen.final_observation[last])
    np.testing.assert_array_equal(seen.observation[last - 1], seen.final_observation[last - 1])
    assert np.all(np.isfinite(seen.cost))


def environment_steps(config: RunConfig) -> int:
    return Environment(config, 1).steps


def test_a_robot_that_is_not_finite_begins_anew_alone() -> None:
    environment = Environment(compose_config(*SWING[:4], "task.push.speed=0.0"), 3)
    now = environment.reset(jax.random.key(0))
    broken = now.life.state.twist.linear.x.at[0, 1].set(jnp.nan)
    twist = now.life.state.twist
    twist = twist._replace(linear=twist.linear._replace(x=broken))
    now = now._replace(life=now.life._replace(state=now.life.state._replace(twist=twist)))
    now = jax.jit(environment.step)(now, jnp.zeros((1, 3)))
    assert now.terminated.tolist() == [False, True, False]
    assert now.done.tolist() == [False, True, False]
    assert now.life.step.tolist() == [1, 0, 1]
    assert bool(jnp.isfinite(now.observation).all())
    assert np.isnan(now.cost).tolist() == [False, True, False]


def test_a_command_is_held_for_a_control_period(float64: None) -> None:
    config = compose_config(*SWING[:5], "task.push.speed=0.0")
    held = replace(config, {"task.control_period": 0.03})
    fine, coarse = Environment(config, 2), Environment(held, 2)
    assert (coarse.substeps, coarse.steps) == (3, 10)
    action = jnp.array([[1.0, -1.0]])
    one = jax.jit(coarse.step)(coarse.reset(jax.random.key(0)), action)
    now, step, costs = fine.reset(jax.random.key(0)), jax.jit(fine.step), []
    for _ in range(3):
        now = step(now, action)
        costs.append(now.cost)
    np.testing.assert_allclose(one.observation, now.observation, rtol=1e-12)
    np.testing.assert_allclose(one.cost, jnp.mean(jnp.stack(costs), axis=0), rtol=1e-12)
    for name, figure in now.metrics.items():
        np.testing.assert_allclose(one.metrics[name], figure, rtol=1e-12)


def test_there_must_be_a_robot() -> None:
    with pytest.raises(
        ConfigError, match="robots must be at least 1, or None for one alone, got 0"
    ):
        Environment(compose_config(*SWING[:4]), 0)


@pytest.mark.parametrize(
    ("period", "message"),
    [
        (0.015, "task.control_period must be a multiple of simulation.dt (0.01), got 0.015"),
        (0.001, "task.control_period must be a multiple of simulation.dt (0.01), got 0.001"),
        (float("nan"), "task.control_period must be a finite number, got nan"),
        (float("inf"), "task.control_period must be a finite number, got inf"),
        (0.07, "task.control_period must divide task.duration (0.3), got 0.07"),
    ],
)
def test_a_control_period_that_cannot_be_is_named(period: float, message: str) -> None:
    config = replace(compose_config(*SWING[:4]), {"task.control_period": period})
    with pytest.raises(ConfigError) as error:
        Environment(config)
    assert message in str(error.value)


def test_it_says_what_its_numbers_are() -> None:
    environment = Environment(compose_config("experiment=swing_up"))
    assert environment.action_names == ("drive",)
    assert environment.action_count == 1
    assert len(environment.observation_names) == len(environment.observation_units) == 5


def test_one_robot_alone_begins_where_it_is_to_be_practised_from() -> None:
    choices = ("robot=cartpole", "task=balance", "task.practice.upright.share=1.0", "device=cpu")
    environment = Environment(compose_config(*choices, "task.practice.upright.position=0.1"))
    keys = jax.random.split(jax.random.key(0), 16)
    readings = jax.vmap(lambda key: environment.reset(key).observation)(keys)
    upright = readings[:, environment.observation_names.index("pole_direction.zz")]
    assert np.all(upright > 0.99)


def test_robots_of_a_task_without_draws_are_alike(float64: None) -> None:
    choices = ("robot=ball", "task.duration=0.1", "device=cpu", "precision=float64")
    one, several = Environment(compose_config(*choices)), Environment(compose_config(*choices), 3)
    now, all_of_them = one.reset(jax.random.key(0)), several.reset(jax.random.key(0))
    for _ in range(2):
        now = one.step(now, jnp.zeros(0))
        all_of_them = several.step(all_of_them, jnp.zeros((0, 3)))
    for name, figure in now.metrics.items():
        np.testing.assert_allclose(all_of_them.metrics[name], np.repeat(figure, 3), rtol=1e-12)


def test_a_task_may_end_an_episode(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Environment(compose_config("robot=ball", "task.duration=0.1", "device=cpu"), 2)
    monkeypatch.setattr(environment.task, "ended", lambda now: jnp.array([False, True]))
    now = environment.reset(jax.random.key(0))
    after = environment.step(now, jnp.zeros((0, 2)))
    assert after.terminated.tolist() == [False, True]
    assert not after.truncated.any()
    assert after.life.step.tolist() == [1, 0]
    assert float(after.cost[0]) == 0.0 < float(after.cost[1])


def test_a_config_is_checked() -> None:
    with pytest.raises(
        ConfigError, match=r"task\.body must be one of cart, bar, weight, got 'wieght'"
    ):
        Environment(compose_config("robot=cartpole", "task.body=wieght"))


def test_a_task_of_whole_episodes_alone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Throw, "cost")
    with pytest.raises(ConfigError, match="task must say what a time step costs, throw is a task"):
        Environment(compose_config("robot=ball"))
