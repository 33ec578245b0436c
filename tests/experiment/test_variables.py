"""The named set of what is optimised: states, model parameters, controllers, or all together."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.cli.configuration import compose_config
from diffsim.experiment.experiment import Experiment
from diffsim.simulate.gradient_flow import GradientFlow

# Central differences in float64 over 50 steps away from switches.
STEP = 1e-6
TOLERANCE = 1e-6
# A hundred roundings of the loss, divided by the step.
ROUND_OFF = 100 * np.finfo(np.float64).eps

PUCK = (
    "+robot.thrusters={push: {body: ball, type: force, axis: [1, 0, 0], limit: 2000}, "
    "twist: {body: ball, type: torque, axis: [0, 1, 0], limit: 200}}",
    "+robot.sensors={where: {type: position, body: ball}, clock: {type: time}}",
)


def test_values_are_scaled_and_bounded():
    config = compose_config("+variables.spin.lower=-80", "variables.spin.scale=[4,4,8]")
    experiment = Experiment(config)
    assert experiment.initial.shape == (6,)
    np.testing.assert_array_equal(experiment.lower, [-np.inf] * 3 + [-20, -20, -10])
    x = jnp.arange(6.0)
    bodies = experiment.variables.unpack(x).config.robot.bodies
    np.testing.assert_allclose(bodies["ball"].velocity, [0, 1, 1])  # scales 1, 1, 0.5
    np.testing.assert_allclose(bodies["ball"].angular_velocity, [12, 16, 40])
    named = experiment.variables.named(np.arange(6.0))
    np.testing.assert_allclose(named["spin"], [12, 16, 40])


def test_variables_stay_in_the_range_of_their_field():
    config = compose_config(
        "+variables={bounce: {path: robot.restitution, upper: 5}, "
        "grip: {path: robot.friction, lower: -1}, size: {path: robot.bodies.ball.radius}}"
    )
    experiment = Experiment(config)
    np.testing.assert_allclose(experiment.lower[6:], [0, 0, 1e-6], atol=1e-9)
    np.testing.assert_array_equal(experiment.upper[6:], [1, np.inf, np.inf])


def test_one_number_of_a_list_is_chosen_by_its_index():
    experiment = Experiment(
        compose_config(
            "~variables.velocity",
            "~variables.spin",
            "+variables={up: {path: robot.bodies.ball.velocity.2}}",
            "robot.bodies.ball.velocity=[1,2,3]",
        )
    )
    np.testing.assert_array_equal(experiment.initial, [3.0])
    velocity = experiment.variables.unpack(jnp.array([7.0])).config.robot.bodies["ball"].velocity
    assert [float(v) for v in velocity] == [1.0, 2.0, 7.0]


def test_the_config_itself_is_not_changed():
    experiment = Experiment(compose_config())
    experiment.variables.unpack(jnp.ones(6))
    assert experiment.config.robot.bodies["ball"].velocity == [0.0, 0.0, 0.0]


MODEL_PARAMETERS = (
    "robot.friction",
    "robot.restitution",
    "robot.contact_frequency",
    "robot.bodies.ball.radius",
    "robot.bodies.ball.density",
    "robot.bodies.ball.position",
    "simulation.gravity",
    "simulation.dt",
)


def test_any_number_of_the_config_can_be_optimised(float64):
    # Thrown with spin: bounces, then slips to the end, so that everything matters.
    variables = ", ".join(f"v{k}: {{path: {path}}}" for k, path in enumerate(MODEL_PARAMETERS))
    experiment = Experiment(
        compose_config(
            f"+variables={{{variables}}}",
            "~variables.velocity",
            "~variables.spin",
            "robot.friction=0.1",
            "robot.bodies.ball.position=[0,0,0.6]",
            "robot.bodies.ball.velocity=[2,0.5,-1]",
            "robot.bodies.ball.angular_velocity=[1,-8,0.5]",
            "robot.contact_damping_ratio=0.3",
            "task.duration=0.5",
            "precision=float64",
        )
    )
    x = experiment.initial
    assert x.dtype == np.float64
    loss = jax.jit(lambda x: experiment.evaluate(x).loss)
    gradient = jax.jit(jax.grad(loss))(x)
    for index in range(x.size):
        h = STEP * max(1.0, abs(x[index])) * np.eye(x.size)[index]
        difference = float(loss(x + h) - loss(x - h)) / (2 * h[index])
        round_off = ROUND_OFF * float(loss(x)) / h[index]
        assert abs(float(gradient[index]) - difference) <= (
            TOLERANCE * abs(difference) + round_off
        ), index
    # Every one of them matters, but for the density: a heavier ball of its kind moves the same.
    assert np.count_nonzero(np.abs(gradient) > 1e-8) == x.size - 1


@pytest.mark.slow
def test_controller_state_and_model_are_optimised_together(float64):
    experiment = Experiment(
        compose_config(
            "controller=linear",
            *PUCK,
            "+variables={policy: {path: controller, scale: [100]}, "
            "grip: {path: robot.friction, lower: 0.1}}",
            "task.duration=0.5",
            "precision=float64",
        )
    )
    # 3 + 3 of the throw, 2 × (4 readings + 1) of the controller, 1 of the model.
    assert experiment.initial.shape == (17,)
    x = jnp.asarray(experiment.initial).at[6:16].set(0.5)
    gradient = jax.jit(jax.grad(lambda x: experiment.evaluate(x).loss))(x)
    assert np.isfinite(gradient).all()
    assert np.count_nonzero(gradient[6:16]) >= 5  # the ball is driven by its controller


def test_a_controller_with_memory_of_nothing_starts_by_doing_nothing():
    idle = Experiment(compose_config())
    driven = Experiment(compose_config("controller=linear", *PUCK, "variables=controller"))
    loss = float(idle.evaluate(jnp.asarray(idle.initial)).loss)
    assert float(driven.evaluate(jnp.asarray(driven.initial)).loss) == pytest.approx(loss)


@pytest.mark.slow  # tests/gradients/test_gradient_flow.py has the decay itself
def test_the_gradient_decays_with_each_step_it_comes_back_through():
    experiment = Experiment(compose_config("task.duration=0.1"))
    x = jnp.asarray(experiment.initial)
    exact = jax.jit(jax.grad(lambda x: experiment.evaluate(x).loss))(x)
    decayed = jax.jit(
        jax.grad(lambda x: experiment.evaluate(x, flow=GradientFlow(decay=0.9)).loss)
    )(x)
    # Ten steps of free flight: what the initial velocity does is seen through all of them.
    np.testing.assert_allclose(decayed[0], exact[0] * 0.9**10, rtol=1e-5)
