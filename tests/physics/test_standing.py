"""Robots on their feet: they weigh what they weigh, stay where they are, slip when they must."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.robots.build import build_world, initial_state
from diffsim.robots.replace import replace
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.world.world import State, World
from tests.robots_in_package import robot_config
from tests.worlds import GRAVITY, SOLVER, last, simulate

TIMESTEP = 0.01
FRICTION = 0.5

# In a minute, with float32's round-off in positions of some tenths of a metre.
CREEP = 1e-3
WEIGHT = 0.01
STEPS = 6000  # a minute; all tests share one compiled simulation


def settled(
    slope: float = 0.0, friction: float = FRICTION, *, eliminate_joints: bool = True
) -> tuple[World, State]:
    """The quadruped, its legs stiff, on ground that leans by an angle; gravity leans instead."""
    robot = robot_config("quadruped")
    stiff = {f"motors.{name}.max_force": 100.0 for name in robot.motors}
    robot = replace(robot, {"friction": friction, **stiff})
    gravity = [GRAVITY * np.sin(slope), 0.0, -GRAVITY * np.cos(slope)]
    world = build_world(robot, gravity, TIMESTEP, eliminate_joints=eliminate_joints)
    return world, initial_state(robot, world)


def stand(world: World, state: State, steps: int, solver: ProjectedGaussSeidel = SOLVER) -> State:
    return simulate(world, state, jnp.zeros(8), steps=steps, solver=solver)


def test_a_standing_robot_weighs_what_it_weighs() -> None:
    world, state = settled()
    end = last(stand(world, state, STEPS))
    weight = float(world.bodies.mass.sum()) * GRAVITY
    force = float(end.impulses.contact.normal.sum()) / TIMESTEP
    assert force == pytest.approx(weight, rel=WEIGHT)
    feet = [k for k, name in enumerate(world.contacts.names) if name.startswith("foot")]
    assert (np.asarray(end.impulses.contact.normal)[feet] > 0.1 * weight * TIMESTEP).all()


@pytest.mark.slow
def test_the_paper_s_solver_lets_it_weigh_the_same() -> None:
    """On the average of a second: on its unconverged rows it rocks by some percent."""
    world, state = settled(eliminate_joints=False)
    states = stand(world, state, 300, ProjectedGaussSeidel(20, rounds=1, momentum=0.0))
    weight = float(world.bodies.mass.sum()) * GRAVITY
    force = np.asarray(states.impulses.contact.normal)[-100:].sum(axis=1) / TIMESTEP
    assert force.mean() == pytest.approx(weight, rel=WEIGHT)


def test_a_standing_robot_does_not_creep_for_a_minute() -> None:
    world, state = settled()
    states = stand(world, state, STEPS)
    position = np.asarray(states.pose.position.stack())
    after_settling = position[200:] - position[200]
    assert np.abs(after_settling).max() < CREEP


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_it_sticks_on_a_slope_up_to_the_friction_angle_and_slips_beyond(factor: float) -> None:
    world, state = settled(slope=float(np.arctan(factor * FRICTION)))
    states = stand(world, state, STEPS)
    velocity = np.asarray(states.twist.linear.stack())[:300, :, 0]
    speed = velocity[-1]
    if factor < 1.0:
        assert np.abs(speed).max() < 1e-3
    else:
        # After settling it accelerates as a block does: g (sin − μ cos).
        angle = np.arctan(factor * FRICTION)
        expected = GRAVITY * (np.sin(angle) - FRICTION * np.cos(angle))
        mass = np.asarray(world.bodies.mass)
        mean = velocity @ mass / mass.sum()
        assert (mean[-1] - mean[150]) / (149 * TIMESTEP) == pytest.approx(expected, rel=0.02)
