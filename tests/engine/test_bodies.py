"""Free motion of bodies, one function at a time."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.engine.bodies import (
    Bodies,
    free_velocities,
    gyroscopic_acceleration,
    inertia_times,
    kinetic_energy,
)
from diffsim.engine.vectors import Vec3, mat3, vec3

pytestmark = pytest.mark.usefixtures("float64")

# A few products.
ROUND_OFF = 1e-14

RANDOM = np.random.default_rng(0)
ROTATION = np.linalg.qr(RANDOM.normal(size=(3, 3)))[0]
PRINCIPAL = np.array([0.2, 0.3, 0.4])
INERTIA = ROTATION @ np.diag(PRINCIPAL) @ ROTATION.T
MASS = 2.0
VELOCITY, SPIN, FORCE, TORQUE, GRAVITY = RANDOM.normal(size=(5, 3))


def one(vector: np.ndarray) -> Vec3:
    """As the vector of a single body."""
    return vec3(vector[None])


@pytest.fixture
def body() -> Bodies:
    return Bodies(names=("body",), mass=jnp.array([MASS]), principal_inertia=one(PRINCIPAL))


def close(actual: Vec3, desired: np.ndarray) -> None:
    np.testing.assert_allclose(actual.stack()[0], desired, atol=ROUND_OFF)


def test_inertia_acts_in_the_world_frame() -> None:
    close(inertia_times(mat3(ROTATION[None]), one(PRINCIPAL), one(SPIN)), INERTIA @ SPIN)


def test_velocities_change_by_force_over_mass_and_torque_over_inertia(body: Bodies) -> None:
    timestep = 0.1
    linear, angular = free_velocities(
        body,
        mat3(ROTATION[None]),
        one(VELOCITY),
        one(SPIN),
        one(FORCE),
        one(TORQUE),
        vec3(GRAVITY),
        timestep,
    )
    close(linear, VELOCITY + timestep * (FORCE / MASS + GRAVITY))
    close(angular, SPIN + timestep * np.linalg.solve(INERTIA, TORQUE))


def test_the_gyroscopic_acceleration_is_eulers(body: Bodies) -> None:
    expected = np.linalg.solve(INERTIA, np.cross(INERTIA @ SPIN, SPIN))
    close(gyroscopic_acceleration(body, mat3(ROTATION[None]), one(SPIN)), expected)


def test_kinetic_energy_is_that_of_translation_and_rotation(body: Bodies) -> None:
    energy = kinetic_energy(body, mat3(ROTATION[None]), one(VELOCITY), one(SPIN))
    expected = 0.5 * MASS * VELOCITY @ VELOCITY + 0.5 * SPIN @ INERTIA @ SPIN
    assert float(energy[0]) == pytest.approx(expected, rel=ROUND_OFF)
