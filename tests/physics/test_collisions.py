"""Two spheres collide in free space."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.dynamics.bodies import kinetic_energy
from diffsim.world.world import State, World
from tests.worlds import (
    RADIUS,
    RIGID,
    WEIGHTLESS,
    angular_momentum,
    build,
    momentum,
    simulate,
    spheres_robot,
)

STEPS = 12  # the spheres meet in the sixth
TIMESTEP = 1e-3
APPROACH = 2.0

# Relative, over twelve steps: round-off of each precision.
CONSERVED = {"float32": 1e-6, "float64": 1e-12}
# Of the speed of separation.
REBOUND_TOLERANCE = {"float32": 1e-5, "float64": 1e-12}

HEAD_ON, OBLIQUE = 0.0, 0.7
RESTITUTIONS = [0.0, 0.6, 1.0]
MASSES = [(1.0, 1.0), (1.0, 5.0)]


def collide(
    offset: float,
    masses: tuple[float, float] = (1.0, 1.0),
    restitution: float = 0.6,
    inertia: list[float] | None = None,
    **options: Any,
) -> tuple[World, State, State]:
    """World, initial state and trajectory.

    ``offset``: of the line of flight, in diameters. ``inertia``: of the target, if not a sphere's.
    """
    side = 2.0 * RADIUS * offset
    distance = (4.0 * RADIUS**2 - side**2) ** 0.5 + APPROACH * TIMESTEP * 5.4
    robot = spheres_robot(
        {
            "target": {
                "mass": masses[0],
                "inertia": inertia,
                "orientation": [0.9, 0.1, -0.2, 0.3],
                "angular_velocity": [0.0, 3.0, 5.0],
            },
            "bullet": {
                "mass": masses[1],
                "position": [distance, 0.6 * side, 0.8 * side],
                "velocity": [-APPROACH, 0.0, 0.0],
                "angular_velocity": [10.0, -20.0, 30.0],
            },
        },
        [("bullet", "target")],
        ground_contact=False,
        restitution=restitution,
        **{"friction": 0.5, "contact_frequency": RIGID, **options},
    )
    world, state = build(robot, WEIGHTLESS, TIMESTEP)
    trajectory = simulate(world, state, steps=STEPS)
    assert float(trajectory.impulses.contact.normal.max()) > 0.0, "no collision"
    return world, state, trajectory


@pytest.mark.parametrize("restitution", RESTITUTIONS)
@pytest.mark.parametrize("masses", MASSES)
@pytest.mark.parametrize("offset", [HEAD_ON, OBLIQUE])
def test_linear_momentum_is_conserved(
    precision: str, offset: float, masses: tuple[float, float], restitution: float
) -> None:
    world, start, trajectory = collide(offset, masses, restitution)
    before = momentum(world, start)
    change = jnp.abs(momentum(world, trajectory) - before).max()
    assert float(change) < CONSERVED[precision] * float(jnp.abs(before).max())


@pytest.mark.parametrize("restitution", RESTITUTIONS)
@pytest.mark.parametrize("masses", MASSES)
@pytest.mark.parametrize(
    "offset",
    [
        HEAD_ON,
        OBLIQUE,
    ],
)
def test_angular_momentum_is_conserved(
    precision: str, offset: float, masses: tuple[float, float], restitution: float
) -> None:
    """Also of a body whose moments of inertia differ."""
    world, start, trajectory = collide(offset, masses, restitution, [0.003, 0.004, 0.006])
    before = angular_momentum(world, start)
    # Of the bullet's momentum at a distance of a diameter: the spins alone may be small.
    scale = max(float(jnp.abs(before).max()), masses[1] * APPROACH * 2.0 * RADIUS)
    change = jnp.abs(angular_momentum(world, trajectory) - before).max()
    assert float(change) < CONSERVED[precision] * scale


@pytest.mark.parametrize("restitution", RESTITUTIONS)
@pytest.mark.parametrize("masses", MASSES)
def test_spheres_part_with_the_restitution_times_their_approach(
    precision: str, masses: tuple[float, float], restitution: float
) -> None:
    _, _, trajectory = collide(HEAD_ON, masses, restitution)
    parting = trajectory.twist.linear.x[-1, 1] - trajectory.twist.linear.x[-1, 0]
    tolerance = REBOUND_TOLERANCE[precision] * APPROACH
    assert float(parting) == pytest.approx(restitution * APPROACH, abs=tolerance)


@pytest.mark.parametrize("offset", [HEAD_ON, OBLIQUE])
def test_energy_is_kept_without_loss_and_friction_and_lost_otherwise(
    precision: str, offset: float
) -> None:
    def energy_after(restitution: float, friction: float) -> float:
        """As a share of the energy before."""
        world, start, trajectory = collide(offset, (1.0, 5.0), restitution, friction=friction)

        def energy(state: State) -> np.ndarray:
            return np.asarray(kinetic_energy(world.bodies, state.pose.rotation, state.twist)).sum(
                axis=-1
            )

        return float(energy(trajectory)[-1] / energy(start))

    assert energy_after(1.0, 0.0) == pytest.approx(1.0, abs=CONSERVED[precision] * 10.0)
    assert energy_after(1.0, 0.5) < 0.999
    assert energy_after(0.6, 0.0) < 0.999


def test_spheres_hardly_overlap() -> None:
    """Off centre they turn about each other during a step: of second order in v h."""
    for offset in (HEAD_ON, OBLIQUE):
        _, _, trajectory = collide(offset, restitution=0.0)
        a, b = np.moveaxis(np.asarray(trajectory.pose.position.stack()), 1, 0)
        gap = np.linalg.norm(a - b, axis=-1) - 2.0 * RADIUS
        assert gap.min() > -((APPROACH * TIMESTEP) ** 2) / RADIUS - 1e-7
