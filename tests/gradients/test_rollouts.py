"""Gradients over a hundred steps, on smooth stretches and on both sides of stick and slip."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import pytest

from tests.gradients import regimes
from tests.gradients.compare import (
    DIFFERENCE,
    Scene,
    disagreement,
    final_state,
    forward,
    jacobians,
    reverse,
)
from tests.worlds import GRAVITY, RADIUS, with_motion

pytestmark = pytest.mark.usefixtures("float64")

STEPS = 100
TIMESTEP = 1e-3
DURATION = STEPS * TIMESTEP

# The bound for a hundred steps.
DIFFERENCES_TOLERANCE = 1e-4
# A hundred steps of round-off.
MODES_TOLERANCE = 1e-8
# On each side the speed is linear in the pull: only round-off, and for differences 1e-16/h.
SLOPE_TOLERANCE = 1e-9
SLOPE_DIFFERENCE_TOLERANCE = 1e-6


def bounce() -> Scene:
    """Meets the ground after 25 steps, once."""
    motion = {"velocity": [0.5, 0.2, -2.0], "angular_velocity": [1.0, 2.0, 3.0]}
    return regimes.flying_ball(RADIUS + 0.0503, 1.0, TIMESTEP, **motion)


def fly() -> Scene:
    motion = {"velocity": [2.0, 1.0, 3.0], "angular_velocity": [3.0, -1.0, 2.0]}
    return regimes.flying_ball(1.0, 1.0, TIMESTEP, **motion)


STRETCHES = {
    "slipping": lambda: regimes.slipping_ball(TIMESTEP),
    "rolling": lambda: regimes.rolling_ball(TIMESTEP),
    "one bounce": bounce,
    "flight": fly,
}


@pytest.mark.parametrize("stretch", STRETCHES)
def test_gradients_over_a_hundred_steps_agree(stretch: str) -> None:
    result = jacobians(STRETCHES[stretch](), STEPS)
    assert disagreement(result.reverse, result.forward, result.scale) < MODES_TOLERANCE
    assert disagreement(result.reverse, result.differences, result.scale) < DIFFERENCES_TOLERANCE


# A ball on a slope rolls with 5/7 of the pull along it, until that takes more friction than
# there is: (2/7) g_x > μ g_z. Beyond, it slips and the friction is constant.
SWITCH = 3.5 * regimes.FRICTION * GRAVITY


def on_slope(pull: float) -> Scene:
    scene = regimes.lying_ball(0.0, TIMESTEP, depth=regimes.SINKING)
    gravity = scene.world.gravity
    gravity = gravity._replace(x=jnp.full_like(gravity.x, pull))
    return scene._replace(world=dataclasses.replace(scene.world, gravity=gravity))


def speed(pull: float) -> float:
    return float(final_state(on_slope(pull), STEPS).twist.linear.x[0])


def slope_derivatives(pull: float) -> tuple[float, float]:
    """d(final speed) / d(pull) in forward and in reverse mode."""
    scene = on_slope(pull)
    none = jax.tree.map(jnp.zeros_like, scene)
    gravity = none.world.gravity._replace(x=jnp.ones_like(none.world.gravity.x))
    tangent = none._replace(world=dataclasses.replace(none.world, gravity=gravity))
    state = jax.tree.map(jnp.zeros_like, scene.state)
    linear = state.twist.linear
    cotangent = with_motion(state, velocity=linear._replace(x=jnp.ones_like(linear.x)))
    return (
        float(forward(scene, tangent, STEPS).twist.linear.x[0]),
        float(reverse(scene, cotangent, STEPS).world.gravity.x),
    )


@pytest.mark.parametrize(("side", "slope"), [(-1.0, 5.0 / 7.0), (1.0, 1.0)])
def test_each_side_of_stick_and_slip_has_its_own_derivative(side: float, slope: float) -> None:
    distance = 10.0 * DIFFERENCE
    near = SWITCH + side * distance
    one_sided = (speed(near + side * DIFFERENCE) - speed(near)) / (side * DIFFERENCE)
    assert one_sided == pytest.approx(slope * DURATION, rel=SLOPE_DIFFERENCE_TOLERANCE)
    for derivative in slope_derivatives(near):
        assert derivative == pytest.approx(slope * DURATION, rel=SLOPE_TOLERANCE)


def test_the_derivative_at_the_switch_lies_between_its_sides() -> None:
    for derivative in slope_derivatives(SWITCH):
        share = derivative / DURATION
        assert 5.0 / 7.0 - SLOPE_TOLERANCE <= share <= 1.0 + SLOPE_TOLERANCE
