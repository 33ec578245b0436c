"""Free motion of bodies, one function at a time."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.dynamics.bodies import (
    Bodies,
    free_motion,
    inertia_times,
    kinetic_energy,
    resolved,
    turn,
)
from diffsim.math.rotations import rotate
from diffsim.math.spatial import Twist, Wrench
from diffsim.math.vectors import Sym3, Vec3, mat3, vec3

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


def principal() -> Sym3:
    """The inertia in the body's frame."""
    zero = jnp.zeros(1)
    return Sym3(*(jnp.array([moment]) for moment in PRINCIPAL), zero, zero, zero)


@pytest.fixture
def body() -> Bodies:
    return Bodies(names=("body",), mass=jnp.array([MASS]), inertia=principal())


def close(actual: Vec3, desired: np.ndarray) -> None:
    np.testing.assert_allclose(actual.stack()[0], desired, atol=ROUND_OFF)


def test_inertia_acts_in_the_world_frame() -> None:
    close(inertia_times(mat3(ROTATION[None]), principal(), one(SPIN)), INERTIA @ SPIN)


def test_velocities_change_by_force_over_mass_and_torque_over_inertia(body: Bodies) -> None:
    timestep = 0.05
    free = free_motion(
        body,
        mat3(ROTATION[None]),
        Twist(one(VELOCITY), one(SPIN)),
        Wrench(one(FORCE), one(TORQUE)),
        vec3(GRAVITY),
        timestep,
    )
    close(free.twist.linear, VELOCITY + timestep * (FORCE / MASS + GRAVITY))
    spin = SPIN + timestep * np.linalg.solve(INERTIA, TORQUE)
    # Half a step of Euler's equations: the body turns with ω at the middle of the step.
    precession = 0.5 * timestep * np.linalg.solve(INERTIA, np.cross(INERTIA @ spin, spin))
    close(free.precession, precession)
    close(free.twist.angular, spin + precession)


def test_a_turn_is_resolved_up_to_a_quarter_radian_and_not_beyond_half_a_radian() -> None:
    angles = jnp.array([0.0, 0.1, 0.25, 0.375, 0.5, 0.6, 1e6])
    nothing = jnp.zeros_like(angles)
    share = resolved(Vec3(angles / 0.01, nothing, nothing), jnp.asarray(0.01))
    np.testing.assert_allclose(share, [1.0, 1.0, 1.0, 0.5, 0.0, 0.0, 0.0], atol=1e-12)


def test_turning_keeps_angular_momentum_where_resolved_and_energy_where_not(body: Bodies) -> None:
    before, after = (
        mat3(ROTATION[None]),
        rotate(mat3(ROTATION[None]), one(np.array([0.3, -0.2, 0.4]))),
    )
    spun = [turn(body, before, after, one(SPIN), jnp.array([share])) for share in (1.0, 0.0)]
    momenta = [inertia_times(after, body.inertia, spin) for spin in spun]
    close(momenta[0], INERTIA @ SPIN)
    assert float(spun[1].dot(momenta[1])[0]) == pytest.approx(SPIN @ INERTIA @ SPIN, rel=1e-12)


def test_kinetic_energy_is_that_of_translation_and_rotation(body: Bodies) -> None:
    energy = kinetic_energy(body, mat3(ROTATION[None]), Twist(one(VELOCITY), one(SPIN)))
    expected = 0.5 * MASS * VELOCITY @ VELOCITY + 0.5 * SPIN @ INERTIA @ SPIN
    assert float(energy[0]) == pytest.approx(expected, rel=ROUND_OFF)
