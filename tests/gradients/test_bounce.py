"""The derivative of a bounce is that of the continuous one, whose moment depends on the start."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.world.world import State
from tests.worlds import (
    GRAVITY,
    RADIUS,
    RIGID,
    WEIGHTLESS,
    ball_robot,
    build,
    simulate,
    spheres_robot,
    with_motion,
)

pytestmark = pytest.mark.usefixtures("float64")

RESTITUTION = 0.7
DURATION = 0.4
TIMESTEPS = np.array([0.004, 0.002, 0.001])
STEPS = np.rint(DURATION / TIMESTEPS).astype(int)
DROP_SPEED = -0.5
# Over this range of heights the impact moves across more than one of the longest steps.
HEIGHTS = RADIUS + 0.5 + np.linspace(0.0, 0.015, 256)

# Halving the step halves the largest error: first order, up to terms of second order.
HALVING = (1.7, 2.3)
# The error of the derivative at the shortest step, relative to it or to that of a flight without
# a bounce: a few times g h / v_impact = 0.003.
SHORTEST_STEP_TOLERANCE = 0.01
# A change of the final state beyond what the derivatives at both ends predict, as a share of that
# change. The derivative itself varies by up to 16%; a jump of h times a velocity is above 1000%.
JUMP_TOLERANCE = 0.2
# Of components that do not depend on the height.
ROUND_OFF = 1e-14


class Family(NamedTuple):
    """Bounces over time steps and heights; leaves (timesteps, heights, ...)."""

    state: State
    by_height: State
    by_speed: State


@cache
def family() -> Family:
    """States at the end, and their derivatives with respect to initial height and speed."""
    robot = ball_robot(
        restitution=RESTITUTION, friction=0.3, velocity=[1.0, 0.5, DROP_SPEED], position=[0, 0, 1]
    )

    def final(height: jax.Array, speed: jax.Array, timestep: float, steps: int) -> State:
        world, state = build(robot, timestep=timestep)
        state = with_motion(
            state,
            position=state.pose.position._replace(z=height[None]),
            velocity=state.twist.linear._replace(z=speed[None]),
        )
        trajectory = simulate(world, state, steps=int(STEPS.max()))
        return jax.tree.map(lambda leaf: leaf[steps - 1], trajectory)

    def bounce(height: jax.Array, timestep: float, steps: int) -> Family:
        end, push = jax.linearize(
            lambda h, v: final(h, v, timestep, steps), height, jnp.asarray(DROP_SPEED)
        )
        return Family(end, push(1.0, 0.0), push(0.0, 1.0))

    over_heights = jax.vmap(bounce, (0, None, None))
    return jax.jit(jax.vmap(over_heights, (None, 0, 0)))(HEIGHTS, TIMESTEPS, STEPS)


def saltation_derivative(height: float) -> np.ndarray:
    """d(z, v_z at the end) / d(z, v_z at the start) of the continuous bounce.

    Free flight Φ(t) = [[1, t], [0, 1]] before and after, and at the impact the saltation matrix
    D + (f⁺ − D f⁻) nᵀ / (nᵀ f⁻) with D = diag(1, −e), f = (v, −g), n = (1, 0).
    """
    fall = height - RADIUS
    impact_speed = -np.sqrt(DROP_SPEED**2 + 2.0 * GRAVITY * fall)
    impact_time = (DROP_SPEED - impact_speed) / GRAVITY
    e = RESTITUTION
    saltation = np.array([[-e, 0.0], [-(1.0 + e) * GRAVITY / impact_speed, -e]])

    def flight(time: float) -> np.ndarray:
        return np.array([[1.0, time], [0.0, 1.0]])

    return flight(DURATION - impact_time) @ saltation @ flight(impact_time)


def test_the_derivative_of_a_bounce_converges_to_the_saltation_matrix_at_first_order() -> None:
    bounces = family()
    derivative = np.array(
        [
            [bounces.by_height.pose.position.z[..., 0], bounces.by_speed.pose.position.z[..., 0]],
            [bounces.by_height.twist.linear.z[..., 0], bounces.by_speed.twist.linear.z[..., 0]],
        ]
    )
    exact = np.stack([saltation_derivative(height) for height in HEIGHTS], axis=-1)
    error = np.abs(derivative - exact[:, :, None, :]).max(axis=-1)
    ratio = error[..., :-1] / error[..., 1:]
    assert np.all((HALVING[0] < ratio) & (ratio < HALVING[1])), ratio
    scale = np.maximum(np.abs(exact).max(axis=-1), [[1.0, DURATION], [0.0, 1.0]])
    assert np.all(error[..., -1] < SHORTEST_STEP_TOLERANCE * scale)


def test_the_end_has_no_jump_where_an_impact_crosses_into_the_next_step() -> None:
    bounces = family()
    spacing = HEIGHTS[1] - HEIGHTS[0]
    crossings = 0.015 / (TIMESTEPS * np.sqrt(2.0 * GRAVITY * 0.5))
    assert crossings.min() > 1.0
    for value, slope in zip(
        jax.tree.leaves((bounces.state.pose.position, bounces.state.twist.linear)),
        jax.tree.leaves((bounces.by_height.pose.position, bounces.by_height.twist.linear)),
        strict=True,
    ):
        change = np.diff(value[..., 0], axis=1)
        predicted = 0.5 * (slope[:, 1:, 0] + slope[:, :-1, 0]) * spacing
        scale = np.abs(slope).max() * spacing
        assert np.abs(change - predicted).max() <= JUMP_TOLERANCE * scale + ROUND_OFF


# Two spheres meet off centre. How far they fly before they do cannot change how they part.
APPROACH_SPEED = 2.0
APPROACH_STEP = 2e-4
APPROACH_STEPS = 320
DISTANCES = 2.0 * RADIUS + 0.02 + np.linspace(0.0, 2.0 * APPROACH_SPEED * APPROACH_STEP, 32)
# Change of a final velocity per distance [1/s]; what is left is of first order in the step, which
# is 0.05 R-lengths long: v h v / R² with v = 2 m/s, R = 0.2 m.
DISTANCE_TOLERANCE = 0.1


@pytest.mark.parametrize(
    "offset",
    [
        0.0,
        0.8 * 2.0 * RADIUS,
    ],
)
def test_the_outcome_of_an_impact_does_not_depend_on_the_distance_before(offset: float) -> None:
    robot = spheres_robot(
        {"target": {}, "bullet": {"velocity": [-APPROACH_SPEED, 0.0, 0.0]}},
        [("bullet", "target")],
        ground_contact=False,
        friction=0.0,
        restitution=RESTITUTION,
        contact_frequency=RIGID,
    )

    def outcome(distance: jax.Array) -> jax.Array:
        world, state = build(robot, WEIGHTLESS, APPROACH_STEP)
        x = jnp.stack([jnp.zeros(()), distance])
        state = with_motion(
            state, position=state.pose.position._replace(x=x, y=jnp.array([0.0, offset]))
        )
        return simulate(world, state, steps=APPROACH_STEPS).twist.linear.stack()[-1]

    velocities = np.asarray(jax.jit(jax.vmap(outcome))(DISTANCES))
    assert np.abs(velocities[:, 0]).max() > 0.1, "the target was not hit"
    slope = np.abs(np.diff(velocities, axis=0)).max() / (DISTANCES[1] - DISTANCES[0])
    assert slope < DISTANCE_TOLERANCE
