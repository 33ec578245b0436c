"""A free box with three different moments of inertia."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.dynamics.bodies import kinetic_energy
from diffsim.world.world import State
from tests.worlds import WEIGHTLESS, angular_momentum, box_robot, build, simulate

SPIN = [5.0, -7.0, 9.0]
TURNED = [0.9, 0.1, -0.2, 0.3]

LONG = 100_000
# The bound for float32 after 100,000 steps.
ORTHOGONALITY_TOLERANCE = 1e-5
# Relative, over 1,000 steps of float64.
MOMENTUM_TOLERANCE = 1e-12
# Halving the step quarters the error of the energy: second order, with terms of higher order.
QUARTERING = (3.6, 4.4)


def test_rotations_stay_orthogonal_over_a_hundred_thousand_steps() -> None:
    robot = box_robot(orientation=TURNED, angular_velocity=[50.0, -70.0, 90.0])
    rotation = simulate(*build(robot, WEIGHTLESS, 1e-2), steps=LONG).pose.rotation.stack()
    gram = jnp.einsum("...ij,...ik->...jk", rotation, rotation)
    assert float(jnp.abs(gram - jnp.eye(3)).max()) < ORTHOGONALITY_TOLERANCE
    assert float(jnp.linalg.det(rotation[-1, 0])) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.usefixtures("float64")
def test_angular_momentum_is_kept_to_round_off() -> None:
    robot = box_robot(orientation=TURNED, angular_velocity=SPIN)
    world, state = build(robot, WEIGHTLESS, 1e-2)
    before = angular_momentum(world, state)
    trajectory = simulate(world, state, steps=1000)
    change = jnp.abs(angular_momentum(world, trajectory) - before).max()
    assert float(change) < MOMENTUM_TOLERANCE * float(jnp.linalg.norm(before))
    # The angular velocity does change.
    assert float(jnp.abs(trajectory.twist.angular.x - SPIN[0]).max()) > 1.0


@pytest.mark.usefixtures("float64")
def test_the_error_of_the_energy_is_of_second_order() -> None:
    robot = box_robot(orientation=TURNED, angular_velocity=SPIN)
    timesteps = np.array([4e-3, 2e-3, 1e-3])
    duration = 1.0
    most = round(duration / timesteps[-1])

    def energies(timestep: float) -> jax.Array:
        world, state = build(robot, WEIGHTLESS, timestep)

        def energy(s: State) -> jax.Array:
            return kinetic_energy(world.bodies, s.pose.rotation, s.twist)[..., 0]

        return energy(simulate(world, state, steps=most)) / energy(state)

    error = np.abs(jax.jit(jax.vmap(energies))(timesteps) - 1.0)
    within = np.arange(1, most + 1) * timesteps[:, None] <= duration * (1.0 + 1e-9)
    largest = np.where(within, error, 0.0).max(axis=1)
    ratio = largest[:-1] / largest[1:]
    assert largest[-1] > 1e-9
    assert np.all((QUARTERING[0] < ratio) & (ratio < QUARTERING[1])), ratio
