"""A passive ball never gains energy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from diffsim.dynamics.bodies import kinetic_energy
from tests.worlds import GRAVITY, RADIUS, RIGID, ball_robot, build, simulate

pytestmark = pytest.mark.usefixtures("float64")

STEPS = 2000
TIMESTEP = 2e-3
FREQUENCY = 30.0

# Growth from one step to the next, relative to the energy at the start.
ROUND_OFF = 1e-13
# A soft contact can store and return what the ball gives by sinking in to its support's depth.
STORED = GRAVITY**2 / (2.0 * np.pi * FREQUENCY) ** 2

MOTIONS: dict[str, dict[str, Any]] = {
    "bouncing": {"position": [0.0, 0.0, 0.6], "velocity": [1.0, 0.5, 0.0]},
    "bouncing with spin": {
        "position": [0.0, 0.0, 0.6],
        "velocity": [1.0, 0.5, 0.0],
        "angular_velocity": [30.0, -40.0, 50.0],
    },
    "rolling": {
        "position": [0.0, 0.0, RADIUS],
        "velocity": [1.0, 0.0, 0.0],
        "angular_velocity": [0.0, 10.0, 0.0],
    },
    "sliding": {"position": [0.0, 0.0, RADIUS], "velocity": [1.0, 1.0, 0.0]},
}


def specific_energy(
    frequency: float, timestep: float = TIMESTEP, steps: int = STEPS, **options: Any
) -> np.ndarray:
    """Kinetic and potential energy per mass after every step, the start included [J/kg].

    The positions of semi-implicit Euler lie on a parabola whose velocity at their times is half a
    step of gravity ahead of the state's. With that velocity the energy of a flight is constant.
    """
    robot = ball_robot(contact_frequency=frequency, **options)
    world, state = build(robot, timestep=timestep)
    states = simulate(world, state, steps=steps)

    def energy(s: Any) -> np.ndarray:
        there = s.twist.linear._replace(z=s.twist.linear.z - 0.5 * GRAVITY * timestep)
        kinetic = kinetic_energy(world.bodies, s.pose.rotation, s.twist._replace(linear=there))
        return np.asarray(kinetic / world.bodies.mass + GRAVITY * s.pose.position.z)[..., 0]

    return np.concatenate([[energy(state)], energy(states)])


@pytest.mark.parametrize("restitution", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("motion", MOTIONS)
def test_a_ball_on_rigid_ground_never_gains_energy(motion: str, restitution: float) -> None:
    energy = specific_energy(RIGID, restitution=restitution, **MOTIONS[motion])
    assert np.diff(energy).max() <= ROUND_OFF * energy[0]


@pytest.mark.parametrize("restitution", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("motion", MOTIONS)
def test_a_ball_on_soft_ground_gains_no_more_than_the_ground_can_store(
    motion: str, restitution: float
) -> None:
    energy = specific_energy(FREQUENCY, restitution=restitution, **MOTIONS[motion])
    lowest_before = np.minimum.accumulate(energy)
    assert (energy - lowest_before).max() <= STORED


def test_a_rolling_ball_keeps_its_energy() -> None:
    energy = specific_energy(RIGID, **MOTIONS["rolling"])
    assert energy[-1] == pytest.approx(energy[0], rel=1e-10)


@pytest.mark.parametrize("frequency", [RIGID, FREQUENCY])
@pytest.mark.parametrize("timestep", [0.01, 0.001])
def test_a_ball_without_loss_bounces_as_high_after_a_minute(
    frequency: float, timestep: float
) -> None:
    drop = {"position": [0.0, 0.0, RADIUS + 10.0], "restitution": 1.0}
    energy = specific_energy(frequency, timestep, round(60.0 / timestep), **drop)
    assert energy[-1] == pytest.approx(energy[0], rel=1e-9)


@pytest.mark.parametrize("frequency", [RIGID, FREQUENCY])
def test_a_ball_comes_to_rest_when_its_bounces_are_over(frequency: float) -> None:
    """After √(2H/g) (1 + 2e/(1 − e)); up to the last steps, in which no bounce is resolved."""
    restitution, drop = 0.5, 1.0
    fall = np.sqrt(2.0 * drop / GRAVITY)
    over = fall * (1.0 + 2.0 * restitution / (1.0 - restitution))
    for timestep in (0.01, 0.001):
        robot = ball_robot(
            position=[0.0, 0.0, RADIUS + drop],
            restitution=restitution,
            contact_frequency=frequency,
        )
        states = simulate(*build(robot, timestep=timestep), steps=round(2.0 / timestep))
        rises = np.flatnonzero(np.asarray(states.twist.linear.z[:, 0]) > 1e-4)
        assert timestep * (rises[-1] + 1) == pytest.approx(over, abs=2.0 * timestep)
