"""Bounces on the ground."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.worlds import GRAVITY, RADIUS, RIGID, ball_robot, build, last, simulate, supported

pytestmark = pytest.mark.usefixtures("float64")

DROP = 0.5
RESTITUTIONS = np.array([0.0, 0.3, 0.6, 0.9, 1.0])
TIMESTEPS = np.array([0.004, 0.002, 0.001])
# After the first impact (0.32 s) and before the second, if there is one (0.51 s).
DURATION = 0.4
STEPS = np.rint(DURATION / TIMESTEPS).astype(int)
# So many phases of the impact within its time step that the largest error is a smooth function
# of the step; a fall of one longest step is 12 mm.
DROPS = DROP + np.linspace(0.0, 0.012, 24)

# Halving the step halves the largest error: first order, with terms of second order.
HALVING = (1.7, 2.3)
# Energy is lost at ½ g² h a second, and at most g h v at the impact: relative to the drop, at the
# shortest step.
SHORTEST_STEP_TOLERANCE = 0.01
# A resting height in float64.
ROUND_OFF = 1e-12


def test_a_ball_rebounds_to_the_square_of_the_restitution() -> None:
    """On rigid and on soft ground: an impact is rigid."""

    def rebound(
        frequency: float, restitution: float, timestep: float, steps: int, drop: float
    ) -> jax.Array:
        """Height that the ball's energy takes it to after the bounce, over the drop."""
        robot = ball_robot(
            position=[0.0, 0.0, RADIUS + drop],
            restitution=restitution,
            contact_frequency=frequency,
        )
        states = simulate(*build(robot, timestep=timestep), steps=int(STEPS.max()))
        z, v = states.pose.position.z[steps - 1, 0], states.twist.linear.z[steps - 1, 0]
        return (z - RADIUS + v**2 / (2.0 * GRAVITY)) / drop

    over = jax.vmap(rebound, (None, None, None, None, 0))
    over = jax.vmap(over, (None, None, 0, 0, None))
    over = jax.vmap(over, (None, 0, None, None, None))
    over = jax.jit(jax.vmap(over, (0, None, None, None, None)))
    share = np.asarray(over(np.array([30.0, RIGID]), RESTITUTIONS, TIMESTEPS, STEPS, DROPS))

    error = np.abs(share - RESTITUTIONS[:, None, None] ** 2).max(axis=-1)
    assert error[..., -1].max() < SHORTEST_STEP_TOLERANCE
    bouncing = error[:, 1:]
    ratio = bouncing[..., :-1] / bouncing[..., 1:]
    assert np.all((HALVING[0] < ratio) & (ratio < HALVING[1])), ratio


@pytest.mark.parametrize("restitution", [0.0, 0.5, 1.0])
def test_a_rigid_contact_is_never_penetrated(restitution: float) -> None:
    """Not even at ten radii a step."""
    robot = ball_robot(
        position=[0.0, 0.0, 2.0],
        velocity=[0.0, 0.0, -10.0 * RADIUS / 0.01],
        restitution=restitution,
        contact_frequency=RIGID,
    )
    height = simulate(*build(robot, timestep=0.01), steps=2000).pose.position.z
    assert float(jnp.min(height)) > RADIUS - ROUND_OFF


def test_a_soft_contact_gives_way_after_an_impact_by_little_more_than_its_support() -> None:
    """An impact is rigid; only the support after it is soft."""
    frequency = 30.0
    sinking = GRAVITY / (2.0 * np.pi * frequency) ** 2
    robot = ball_robot(position=[0.0, 0.0, 2.0], contact_frequency=frequency)
    height = simulate(*build(robot, timestep=0.01), steps=2000).pose.position.z
    assert float(jnp.min(height)) > RADIUS - 1.1 * sinking


@pytest.mark.parametrize("was_supported", [True, False])
def test_a_supported_ball_is_carried_by_the_spring_where_an_arriving_one_bounces(
    was_supported: bool,
) -> None:
    frequency, depth, speed, timestep = 30.0, 1e-5, -0.1, 1e-3
    robot = ball_robot(
        position=[0.0, 0.0, RADIUS - depth],
        velocity=[0.0, 0.0, speed],
        restitution=1.0,
        contact_frequency=frequency,
    )
    world, state = build(robot, timestep=timestep)
    if was_supported:
        state = supported(world, state)
    after = float(simulate(world, state, steps=1).twist.linear.z[0, 0])

    falling = speed - GRAVITY * timestep
    angular = 2.0 * np.pi * frequency
    # One implicit step of a critically damped spring, per mass; or the rebound. On the parabola of
    # the positions the ball arrives with the speed and half a step of gravity, and leaves with as
    # much, which the step that follows takes back: a bounce without loss keeps the speed.
    carried = (falling + timestep * angular**2 * depth) / (1.0 + timestep * angular) ** 2
    bounced = -speed
    assert after == pytest.approx(carried if was_supported else bounced, rel=1e-9)


def test_an_impact_changes_spin_by_the_closed_form_whenever_in_the_step_it_falls() -> None:
    """Also where a step does not resolve the turn of 0.7 rad; the ball sticks as it bounces."""
    restitution, velocity, spin = 0.6, np.array([1.0, -2.0]), np.array([30.0, 40.0, -50.0])
    phases = np.linspace(0.0, 0.012, 24)

    def bounce(phase: float) -> jax.Array:
        robot = ball_robot(
            position=[0.0, 0.0, RADIUS + 0.01 + phase],
            velocity=[*velocity, -1.0],
            angular_velocity=[*spin],
            friction=10.0,
            restitution=restitution,
        )
        after = last(simulate(*build(robot, timestep=0.01), steps=4))
        motion = (*after.twist.linear[:2], *after.twist.angular)
        return jnp.stack([component[0] for component in motion])

    # The contact point's slip v + ω × (−r z) ends; two sevenths of it by the velocity.
    slip = velocity + RADIUS * np.array([-spin[1], spin[0]])
    expected_velocity = velocity - 2.0 / 7.0 * slip
    change = 5.0 / 7.0 / RADIUS * slip
    expected_spin = spin + np.array([-change[1], change[0], 0.0])
    found = np.asarray(jax.jit(jax.vmap(bounce))(phases))
    expected = np.concatenate([expected_velocity, expected_spin])
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), atol=1e-9)
