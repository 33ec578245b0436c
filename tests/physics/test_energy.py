"""A passive ball never gains energy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from diffsim.engine.bodies import kinetic_energy
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


def specific_energy(frequency: float, **options: Any) -> np.ndarray:
    """Kinetic and potential energy per mass after every step, the start included [J/kg]."""
    robot = ball_robot(contact_frequency=frequency, **options)
    world, state = build(robot, timestep=TIMESTEP)
    states = simulate(world, state, steps=STEPS)

    def energy(s: Any) -> np.ndarray:
        kinetic = kinetic_energy(world.bodies, s.rotation, s.velocity, s.angular_velocity)
        return np.asarray(kinetic / world.bodies.mass + GRAVITY * s.position.z)[..., 0]

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
