"""Coulomb friction: sticking, slipping, rolling, and the cone."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.world.world import State
from tests.worlds import (
    GRAVITY,
    RADIUS,
    RIGID,
    ball_robot,
    build,
    contact_velocity,
    simulate,
    spheres_robot,
    with_motion,
)

STEPS = 500
TIMESTEP = 1e-3
STEP_TIMES = TIMESTEP * np.arange(1, STEPS + 1)

# Speeds of 1 m/s, summed over 500 steps in float32 [m/s].
SPEED_TOLERANCE = 3e-5
# |λ_t| = μ λ_n in float32: a square root and a product.
CONE_TOLERANCE = 1e-5
# Acceleration from a difference of such speeds, relative.
ACCELERATION_TOLERANCE = 1e-3


def ball_on_ground(
    gravity: Any = (0.0, 0.0, -GRAVITY), thrust: float = 0.0, **options: Any
) -> State:
    robot = ball_robot(
        axis=[1.0, 0.0, 0.0],
        position=[0.0, 0.0, RADIUS],
        contact_frequency=RIGID,
        **options,
    )
    world, state = build(robot, gravity, TIMESTEP)
    return simulate(world, state, jnp.asarray([thrust], float), steps=STEPS)


@pytest.mark.parametrize("friction", [0.1, 0.3, 0.8])
def test_a_sliding_ball_comes_to_roll_at_five_sevenths_of_its_speed(friction: float) -> None:
    speed = 1.0
    states = ball_on_ground(friction=friction, velocity=[speed, 0.0, 0.0])
    v, slip = states.twist.linear.x[:, 0], contact_velocity(states).x[:, 0]
    rolls_after = 2.0 * speed / (7.0 * friction * GRAVITY)
    sliding = rolls_after - TIMESTEP > STEP_TIMES
    rolling = rolls_after + TIMESTEP < STEP_TIMES
    assert sliding.any()
    assert rolling.sum() > 100
    np.testing.assert_allclose(
        v[sliding], speed - friction * GRAVITY * STEP_TIMES[sliding], atol=SPEED_TOLERANCE
    )
    np.testing.assert_allclose(v[rolling], 5.0 / 7.0 * speed, atol=SPEED_TOLERANCE)
    np.testing.assert_allclose(slip[rolling], 0.0, atol=SPEED_TOLERANCE)


def test_backspin_turns_a_ball_back() -> None:
    """v + 2/5 rω is conserved about the contact point: it rolls at (5 v + 2 rω) / 7."""
    speed, spin = 1.0, -50.0
    states = ball_on_ground(
        friction=0.8, velocity=[speed, 0.0, 0.0], angular_velocity=[0.0, spin, 0.0]
    )
    final = (5.0 * speed + 2.0 * RADIUS * spin) / 7.0
    assert final < 0.0
    np.testing.assert_allclose(states.twist.linear.x[-1, 0], final, atol=SPEED_TOLERANCE)


@pytest.mark.parametrize("share", [0.5, 0.99, 1.01, 2.0])
def test_a_ball_that_cannot_turn_sticks_below_the_limit_of_friction(share: float) -> None:
    """Its moment of inertia is so large that it is a block."""
    mass, friction = 2.0, 0.4
    limit = friction * mass * GRAVITY
    states = ball_on_ground(
        thrust=share * limit, friction=friction, mass=mass, inertia=[1e9, 1e9, 1e9]
    )
    acceleration = max(share - 1.0, 0.0) * friction * GRAVITY
    np.testing.assert_allclose(
        states.twist.linear.x[:, 0],
        acceleration * STEP_TIMES,
        rtol=ACCELERATION_TOLERANCE,
        atol=SPEED_TOLERANCE,
    )


@pytest.mark.parametrize("share", [0.5, 0.99, 1.01, 2.0])
def test_a_ball_on_a_slope_rolls_below_the_limit_of_friction_and_slips_above(share: float) -> None:
    """Rolling takes 2/7 of the pull along the slope as friction."""
    friction = 0.2
    pull = share * 3.5 * friction * GRAVITY
    states = ball_on_ground((pull, 0.0, -GRAVITY), friction=friction)
    rolls = share < 1.0
    acceleration = 5.0 / 7.0 * pull if rolls else pull - friction * GRAVITY
    np.testing.assert_allclose(
        states.twist.linear.x[:, 0], acceleration * STEP_TIMES, rtol=ACCELERATION_TOLERANCE
    )
    slip = float(jnp.abs(contact_velocity(states).x[-1, 0]))
    assert (slip < SPEED_TOLERANCE) == rolls


def random_tumble(friction_law: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """|λ_1|, |λ_2| and μ λ_n of all contacts in all steps of two spheres thrown at random."""
    robot = spheres_robot(
        {
            "a": {"position": [-0.8 * RADIUS, 0.0, RADIUS]},
            "b": {"position": [0.8 * RADIUS, 0.0, 2.5 * RADIUS], "friction": 0.7},
        },
        [("a", "b")],
        friction=0.3,
        restitution=0.4,
    )
    world, state = build(robot, timestep=5e-3)

    def tumble(key: jax.Array) -> State:
        velocity, spin = jax.random.normal(key, (2, 3, 2))
        start = with_motion(
            state,
            velocity=state.twist.linear.__class__(*velocity),
            angular_velocity=state.twist.linear.__class__(*(20.0 * spin)),
        )
        return simulate(world, start, steps=200, solver=ProjectedGaussSeidel(friction=friction_law))

    keys = jax.random.split(jax.random.key(0), 32)
    impulse = jax.jit(jax.vmap(tumble))(keys).impulses.contact
    bound = world.contacts.friction * impulse.normal
    return np.abs(impulse.tangent_1), np.abs(impulse.tangent_2), np.asarray(bound)


def test_the_friction_cone_is_never_exceeded() -> None:
    first, second, bound = random_tumble("cone")
    size = np.hypot(first, second)
    assert np.all(size <= bound * (1.0 + CONE_TOLERANCE))
    loaded = bound > 0.0
    assert loaded.any(axis=(0, 1)).all(), "a contact was never loaded"
    assert (size > 0.99 * bound)[loaded].mean() > 0.02, "nothing slipped"
    assert (size < 0.9 * bound)[loaded].mean() > 0.01, "nothing stuck"


def test_the_friction_box_bounds_each_tangent() -> None:
    first, second, bound = random_tumble("box")
    assert np.all(np.maximum(first, second) <= bound * (1.0 + CONE_TOLERANCE))
    assert np.any(np.hypot(first, second) > 1.3 * bound), "a cone would have passed as well"
