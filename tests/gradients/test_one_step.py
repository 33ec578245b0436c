"""Reverse mode = forward mode = central differences over one step, in every contact regime."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.world.world import State
from tests.gradients import regimes
from tests.gradients.compare import Jacobians, disagreement, final_state, jacobians
from tests.worlds import contact_velocity

pytestmark = pytest.mark.usefixtures("float64")

# Differences are good to 3e-7 in the smallest entries that count (compare.py).
DIFFERENCES_TOLERANCE = 1e-6
# The same derivative summed in another order: some thousand operations of round-off.
MODES_TOLERANCE = 1e-10
# A slip speed that is zero but for round-off [m/s], and an impulse ratio likewise.
ROUND_OFF = 1e-12


def check(result: Jacobians) -> None:
    assert disagreement(result.reverse, result.forward, result.scale) < MODES_TOLERANCE
    assert disagreement(result.reverse, result.differences, result.scale) < DIFFERENCES_TOLERANCE


def ball_after(regime: str) -> State:
    return final_state(regimes.BALLS[regime]())


def slip_speed(state: State) -> float:
    velocity = contact_velocity(state)
    return float(jnp.hypot(velocity.x, velocity.y)[0])


def friction_use(state: State) -> float:
    """|λ_t| / (μ λ_n)."""
    impulse = state.impulses.contact
    tangential = jnp.hypot(impulse.tangent_1, impulse.tangent_2)
    return float((tangential / (regimes.FRICTION * impulse.normal))[0])


@pytest.mark.parametrize("regime", ["sticking", "rolling", "bouncing and gripping"])
def test_the_scene_that_should_stick_does(regime: str) -> None:
    state = ball_after(regime)
    assert slip_speed(state) < ROUND_OFF
    assert 0.01 < friction_use(state) < 0.99


@pytest.mark.parametrize("regime", ["slipping", "bouncing and slipping"])
def test_the_scene_that_should_slip_does(regime: str) -> None:
    state = ball_after(regime)
    assert slip_speed(state) > 0.1
    assert friction_use(state) == pytest.approx(1.0, abs=ROUND_OFF)


def test_the_scenes_that_should_fly_and_bounce_do() -> None:
    assert float(ball_after("flight").impulses.contact.normal[0]) == 0.0
    assert float(ball_after("bouncing and gripping").twist.linear.z[0]) > 1.0
    assert float(ball_after("bouncing and slipping").twist.linear.z[0]) > 1.0


@pytest.mark.parametrize("regime", regimes.BALLS)
def test_gradients_of_a_ball_agree(regime: str) -> None:
    check(jacobians(regimes.BALLS[regime]()))


@pytest.mark.slow
def test_gradients_of_two_colliding_spheres_agree() -> None:
    result = jacobians(regimes.colliding_spheres())
    assert float(result.state.impulses.contact.normal[0]) > 0.0
    check(result)


def test_gradients_of_a_tumbling_box_agree() -> None:
    check(jacobians(regimes.tumbling_box()))


def test_every_input_matters_in_some_regime() -> None:
    """Otherwise the agreement above could be one of zeros."""
    results = [jacobians(scene()) for scene in regimes.BALLS.values()]
    influence = sum(np.abs(result.reverse).max(axis=0) for result in results)
    names = results[0].inputs
    moving = {name for name, size in zip(names, influence, strict=True) if size > ROUND_OFF}
    # A warm start only changes where the sweeps begin; the limit only matters beyond it. The others
    # say where parts are and what was before, or belong to the world.
    idle = {"contact", "limit", "acceleration.linear", "acceleration.angular", "thickness"}
    idle |= {"parts.pose.position", "parts.pose.rotation"}
    # These contacts are soft by their frequency, which their loads do not raise.
    idle |= {"stiffness", "damping", "least_stiffness"}
    assert moving == set(names) - idle
