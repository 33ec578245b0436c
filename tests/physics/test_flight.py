"""Free flight against the parabola."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from diffsim.world.world import State
from tests.worlds import GRAVITY, RADIUS, ball_robot, build, simulate

pytestmark = pytest.mark.usefixtures("float64")

STEPS = 400
DURATION = 0.4
TIMESTEPS = np.array([0.004, 0.002, 0.001])
HEIGHT = 20.0
VELOCITY = (3.0, -2.0, 1.5)
SPIN = (4.0, 5.0, -6.0)

# Sums of 400 steps at a height of 20 m [m].
ROUND_OFF = 1e-11


def trajectories() -> State:
    """Leaves (timesteps, steps, bodies)."""
    robot = ball_robot(position=[0, 0, HEIGHT], velocity=VELOCITY, angular_velocity=SPIN)

    def flight(timestep: float) -> State:
        world, state = build(robot, timestep=timestep)
        return simulate(world, state, steps=STEPS)

    return jax.jit(jax.vmap(flight))(TIMESTEPS)


def test_flight_is_the_sum_that_semi_implicit_euler_gives() -> None:
    states = trajectories()
    h, n = TIMESTEPS[:, None], np.arange(1, STEPS + 1)
    z = HEIGHT + n * h * VELOCITY[2] - GRAVITY * h**2 * n * (n + 1) / 2
    assert z.min() > RADIUS
    np.testing.assert_allclose(states.pose.position.z[..., 0], z, atol=ROUND_OFF)
    np.testing.assert_allclose(states.time, n * h, rtol=ROUND_OFF)
    for axis in range(2):
        np.testing.assert_allclose(
            states.pose.position[axis][..., 0], n * h * VELOCITY[axis], atol=ROUND_OFF
        )
    for value, start in zip(states.twist.angular, SPIN, strict=True):
        np.testing.assert_allclose(value, start, rtol=ROUND_OFF)


def test_the_error_against_the_parabola_is_half_g_h_t() -> None:
    states = trajectories()
    index = np.rint(DURATION / TIMESTEPS).astype(int) - 1
    z = np.asarray(states.pose.position.z)[np.arange(3), index, 0]
    parabola = HEIGHT + VELOCITY[2] * DURATION - 0.5 * GRAVITY * DURATION**2
    error = parabola - z
    np.testing.assert_allclose(error, 0.5 * GRAVITY * TIMESTEPS * DURATION, rtol=1e-9)
    np.testing.assert_allclose(error[:-1] / error[1:], 2.0, rtol=1e-9)
