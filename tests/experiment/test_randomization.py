"""Numbers drawn in every episode: each robot of a batch is the one that its numbers describe."""

from __future__ import annotations

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import yaml

from diffsim.cli.configuration import compose_config
from diffsim.experiment.check import check_run
from diffsim.experiment.drawing import draw_one
from diffsim.experiment.experiment import Experiment
from diffsim.experiment.randomization import CUT, Distribution
from diffsim.robots.ground import ground_gap
from diffsim.robots.replace import replace
from diffsim.validation import ConfigError

WALKER = ("robot=quadruped", "task.duration=0.3", "batch=6", "device=cpu")
EXACT = ("batch=3", "device=cpu", "precision=float64")
CARTPOLE = (
    *("robot=cartpole", "task.duration=0.5", "task.start.position=0.0"),
    "+task.randomize={robot.bodies.weight.mass: {log_uniform: [0.5, 4.0]}, "
    "robot.motors.drive.max_force: {normal: [30.0, 3.0]}, "
    "robot.bodies.bar.size.2: [0.5, 1.0], simulation.gravity.2: [-10.0, -9.0]}",
)
BALL = (
    *("robot=ball", "task.duration=2.0", "task.start.position=0.0"),
    "+task.randomize={robot.friction: [0.1, 1.0], robot.bodies.ball.radius: [0.05, 0.2], "
    "robot.restitution: [0.5, 0.9]}",
)


@pytest.mark.parametrize("choices", [CARTPOLE, BALL], ids=["cartpole", "ball"])
def test_a_robot_of_a_batch_is_the_one_that_its_numbers_describe(
    choices: tuple[str, ...], float64: None
) -> None:
    experiment = Experiment(compose_config(*choices, *EXACT))
    x = jnp.asarray(experiment.initial) + 0.1
    key = jax.random.key(3)
    found = jax.jit(lambda x: experiment.each(x, key, 3))(x)
    numbers = experiment.draw(key, 3).numbers
    assert numbers is not None
    assert len({float(loss) for loss in found.loss}) == 3
    for robot in range(3):
        config = compose_config(*choices[:-1], *EXACT[1:], "batch=1")
        own = replace(config, {path: float(drawn[robot]) for path, drawn in numbers.items()})
        alone = jax.jit(Experiment(own).evaluate)(x)
        assert float(found.loss[robot]) == pytest.approx(float(alone.loss), rel=1e-9)
        for name, figure in alone.metrics.items():
            assert float(found.metrics[name][robot]) == pytest.approx(float(figure), rel=1e-9)


@pytest.mark.parametrize(
    "choices", [pytest.param(CARTPOLE, marks=pytest.mark.slow), BALL], ids=["cartpole", "ball"]
)
def test_the_gradient_of_a_batch_is_that_of_differences(
    choices: tuple[str, ...], float64: None
) -> None:
    experiment = Experiment(compose_config(*choices, *EXACT))
    x = jnp.asarray(experiment.initial) + 0.1
    key = jax.random.key(5)
    gradient = jax.jit(jax.grad(lambda x: experiment.evaluate(x, key).loss))(x)
    direction = jax.random.normal(jax.random.key(1), x.shape)
    evaluate = jax.jit(lambda x: experiment.evaluate(x, key).loss)
    step = 1e-5
    slope = (evaluate(x + step * direction) - evaluate(x - step * direction)) / (2.0 * step)
    assert float(gradient @ direction) == pytest.approx(float(slope), rel=1e-5)


def test_what_no_robot_has_of_its_own_stays_shared() -> None:
    experiment = Experiment(compose_config(*WALKER, "+task.randomize={robot.friction: [0.1, 1.0]}"))
    draw = experiment.draw(jax.random.key(0), 4)
    world = jax.eval_shape(lambda x: experiment._episode(x, draw).world, experiment.initial)
    assert world.contacts.friction.shape[-1] == 4
    assert world.bodies.mass.shape[-1] == 1


def test_robots_are_set_down_however_they_begin(float64: None) -> None:
    experiment = Experiment(
        compose_config(
            *("robot=quadruped", "batch=4", "device=cpu", "precision=float64"),
            *("task.start.on_ground=true", "task.start.position=0.2"),
            "+task.randomize={robot.bodies.spine.orientation.1: {normal: [0.0, 0.1]}, "
            "robot.joints.elbow_front_left.velocity.0: [-1.0, 1.0], "
            "robot.bodies.foot_front_left.radius: [0.02, 0.04]}",
        )
    )
    draw = experiment.draw(jax.random.key(2), 4)
    episode = experiment._episode(jnp.asarray(experiment.initial), draw)
    gap = ground_gap(episode.world, episode.state)
    assert gap is not None
    np.testing.assert_allclose(gap, np.zeros(4), atol=1e-12)
    assert len({float(z) for z in episode.state.pose.position.z[0]}) == 4
    for override in ("robot=arm", "robot=cartpole"):
        with pytest.raises(ConfigError, match=r"task\.start\.on_ground must be false for a robot"):
            check_run(compose_config(override, "task.start.on_ground=true"))


def test_one_program_whatever_the_ends_of_a_distribution_are() -> None:
    from diffsim.programs import hoist

    def program(ends: str) -> str:
        experiment = Experiment(
            compose_config(*WALKER, f"+task.randomize={{robot.friction: {ends}}}")
        )
        x, key = jnp.asarray(experiment.initial), jax.random.key(0)
        hoisted, constants = hoist(lambda x, key: experiment.evaluate(x, key).loss, x, key)
        return jax.jit(hoisted).lower(constants, x, key).as_text()

    assert program("[0.1, 1.0]") == program("[0.2, 0.7]")


@pytest.mark.parametrize(
    ("distribution", "mean", "least", "greatest"),
    [
        (Distribution("uniform", 1.0, 3.0), 2.0, 1.0, 3.0),
        (Distribution("log_uniform", 1.0, 4.0), 3.0 / np.log(4.0), 1.0, 4.0),
        (Distribution("normal", 2.0, 0.5), 2.0, 2.0 - CUT * 0.5, 2.0 + CUT * 0.5),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_distributions(
    distribution: Distribution, mean: float, least: float, greatest: float
) -> None:
    drawn = jax.vmap(partial(draw_one, distribution))(jax.random.split(jax.random.key(0), 20_000))
    assert distribution.ends == (least, greatest)
    assert float(jnp.mean(drawn)) == pytest.approx(mean, rel=0.02)
    assert least <= float(jnp.min(drawn)) < float(jnp.max(drawn)) <= greatest


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{robot.friktion: [0, 1]}", "'robot.friktion': robot has no 'friktion'"),
        ("{controller: [0, 1]}", "must begin with 'robot.' or 'simulation.gravity.'"),
        ("{simulation.dt: [0.001, 0.01]}", "must begin with 'robot.' or 'simulation.gravity.'"),
        ("{simulation.gravity: [0, 1]}", "must lead to a single number, got"),
        ("{robot.name: [0, 1]}", "must begin with"),
        ("{robot.bodies.spine.shape: [0, 1]}", "must lead to a single number, got 'box'"),
        ("{robot.bodies.spine.ground_contact: [0, 1]}", "must lead to a single number, got"),
        ("{robot.friction: 1}", "must be two numbers, [least, greatest], got 1"),
        ("{robot.friction: [1, 0]}", "must have a least number below the greatest"),
        ("{robot.friction: [0, .nan]}", "robot.friction[1] must be a finite number"),
        ("{robot.friction: {log_uniform: [0, 1]}}", "must have numbers > 0 for log_uniform"),
        ("{robot.friction: {normal: [1, 0]}}", "must have a standard deviation > 0"),
        ("{robot.friction: {cauchy: [1, 0]}}", "robot.friction has no 'cauchy'"),
        ("{robot.friction: {}}", "must be [least, greatest] or have one of uniform"),
        ("{robot.friction: {uniform: [0, 1], normal: [1, 2]}}", "have one of uniform, log_uniform"),
        ("{robot: [0, 1]}", "must lead to a single number, got one with name, bodies"),
        ("{robot.contact_stiffness: [1e3, 1e4]}", "must lead to a single number, got None"),
        ("{robot.joints.elbow_front_left.frequency: [1, 2]}", "a single number, got None"),
        (
            "{robot.motors.elbow_front_left.gain: [10, 1000]}",
            "gain must be at most 1 / simulation.dt (100), got 1000.0",
        ),
        ("{robot.friction: [0, 1], robot: {friction: [0, 1]}}", "must be given once"),
        (
            "{robot.friction: {normal: [0.5, 0.2]}}",
            "task.randomize.robot.friction must draw what is allowed: robot.friction must be >= 0",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(given: str, message: str) -> None:
    config = compose_config(*WALKER)

    randomize = yaml.safe_load(given)
    task = dataclasses.replace(config.task, randomize=randomize)
    with pytest.raises(ConfigError) as error:
        check_run(dataclasses.replace(config, task=task))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_numbers_that_are_not_allowed_together_are_refused() -> None:
    limits = ("robot.joints.pivot.lower=[-1.0]", "robot.joints.pivot.upper=[4.0]")
    drawn = (
        "+task.randomize={robot.joints.pivot.lower.0: [-1, 2], robot.joints.pivot.upper.0: [1, 4]}"
    )
    with pytest.raises(ConfigError, match=r"must draw what is allowed: robot\.joints\.pivot"):
        check_run(compose_config("robot=cartpole", "batch=2", *limits, drawn))


def test_a_variable_is_not_drawn() -> None:
    overrides = ("robot=ball", "batch=2", "+task.randomize={robot.bodies.ball.velocity.0: [0, 1]}")
    with pytest.raises(ConfigError, match=r"must not overlap with variables\.velocity\.path"):
        check_run(compose_config(*overrides))
