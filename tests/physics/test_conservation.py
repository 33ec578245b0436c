"""What a robot without motors keeps, and what it loses: for trees that nobody designed."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.dynamics.bodies import kinetic_energy
from diffsim.robots.config import BodyConfig, JointConfig, RobotConfig
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.world.world import State, World
from tests.random_trees import FREEDOMS, random_tree
from tests.worlds import (
    DOWN,
    GRAVITY,
    WEIGHTLESS,
    angular_momentum,
    build,
    momentum,
    simulate,
    with_motion,
)

pytestmark = pytest.mark.usefixtures("float64")

NO_ROWS = ProjectedGaussSeidel(iterations=1, rounds=1, drift_iterations=0)
TIMESTEP = 0.01
STEPS = 1000

# Relative to what there is at the start.
LINEAR = 1e-8
ANGULAR = 1e-6
# Kinetic energy is kept to the second order in the angle that bodies turn by in one step.
KINETIC = 5e-3

# Largest rise of the energy above its lowest value before, relative to all that is lost. Soft
# contacts give back what they store, and impacts within a step have their energy half a step off.
PASSIVE_RISE = 0.03


def energies(world: World, states: State) -> np.ndarray:
    """Total energy between the steps [J].

    Velocities belong to the middle of the steps: the kinetic energy at a position is the mean of
    those before and after it.
    """
    kinetic = np.asarray(kinetic_energy(world.bodies, states.pose.rotation, states.twist).sum(-1))
    potential = GRAVITY * np.asarray((states.pose.position.z * world.bodies.mass).sum(-1))
    return 0.5 * (kinetic[1:] + kinetic[:-1]) + potential[:-1]


@pytest.mark.parametrize(
    "bodies", [2, 3, 8, *(pytest.param(n, marks=pytest.mark.slow) for n in (5, 13, 20))]
)
def test_a_free_tree_keeps_its_momentum(bodies: int) -> None:
    world, state = build(random_tree(bodies, seed=0, speed=3.0), WEIGHTLESS, TIMESTEP)
    states = simulate(world, state, steps=STEPS, solver=NO_ROWS)
    for quantity, tolerance in ((momentum, LINEAR), (angular_momentum, ANGULAR)):
        start = np.asarray(quantity(world, state))
        change = np.abs(np.asarray(quantity(world, states)) - start).max()
        assert change <= tolerance * np.linalg.norm(start)
    kinetic = kinetic_energy(world.bodies, states.pose.rotation, states.twist).sum(-1)
    np.testing.assert_allclose(kinetic, kinetic[0], rtol=KINETIC)


@pytest.mark.parametrize(
    "bodies", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (3, 5, 9, 13, 20))]
)
def test_a_tree_that_falls_on_the_ground_never_gains_energy(bodies: int) -> None:
    robot = random_tree(bodies, seed=1, ground_contact=True, speed=3.0)
    world, state = build(robot, DOWN, TIMESTEP)
    energy = energies(world, simulate(world, state, steps=400))
    rise = energy - np.minimum.accumulate(energy)
    assert rise.max() <= PASSIVE_RISE * np.ptp(energy)


@pytest.mark.parametrize(
    ("kind", "tied"), [("hinge", True), ("ball", False), ("universal", True), ("universal", False)]
)
def test_a_chain_that_turns_too_fast_for_the_step_slows_down(kind: str, tied: bool) -> None:
    """Up to 5 rad in one step: nothing that is accurate, but nothing that explodes."""
    rng = np.random.default_rng(0)
    count = 4
    robot = RobotConfig(
        name="chain",
        bodies={f"link_{k}": BodyConfig(shape="box", size=[0.05, 0.1, 0.4]) for k in range(count)},
    )
    for k in range(0 if tied else 1, count):
        end: dict[str, Any] = {"parent": "world"}
        if k > 0:
            end = {"parent": f"link_{k - 1}", "parent_face": [0.0, 0.0, -1.0]}
        robot.joints[f"joint_{k}"] = JointConfig(
            type=kind,
            child=f"link_{k}",
            child_face=[0.0, 0.0, 1.0],
            axis=[0.0, 1.0, 0.0],
            second_axis=[1.0, 0.0, 0.0],
            velocity=[float(x) for x in rng.normal(size=FREEDOMS[kind])],
            **end,
        )
    world, state = build(robot, WEIGHTLESS, TIMESTEP)

    def kinetic(s: State) -> jax.Array:
        return kinetic_energy(world.bodies, s.pose.rotation, s.twist).sum(-1)

    for speed in (10.0, 30.0, 100.0, 500.0):
        start = with_motion(
            state, velocity=state.twist.linear * speed, angular_velocity=state.twist.angular * speed
        )
        states = simulate(world, start, steps=STEPS, solver=NO_ROWS)
        assert bool(jnp.isfinite(kinetic(states)).all())
        assert float(kinetic(states).max()) <= (1.0 + FAST_RISE) * float(kinetic(start))


# Only while the turns are partly resolved.
FAST_RISE = 0.1
