"""Soft contacts: by a stiffness, by a frequency, and under the robot's own loads."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.robots.config import BodyConfig, JointConfig, MotorConfig, RobotConfig
from diffsim.robots.replace import replace
from tests.worlds import GRAVITY, RADIUS, RIGID, ball_robot, build, simulate, spheres_robot

pytestmark = pytest.mark.usefixtures("float64")

TIMESTEP = 0.01
STIFFNESS = 5000.0  # [N/m]


def height_at_rest(robot: RobotConfig, timestep: float = TIMESTEP) -> jax.Array:
    return simulate(*build(robot, timestep=timestep), steps=400).pose.position.z[-1, 0]


@pytest.mark.parametrize("damping", [None, 20.0, 400.0])
@pytest.mark.parametrize("mass", [0.1, 1.0, 10.0])
def test_a_ball_sinks_in_as_far_as_its_weight_presses_the_spring(
    mass: float, damping: float | None
) -> None:
    robot = ball_robot(
        position=[0.0, 0.0, RADIUS],
        mass=mass,
        contact_stiffness=STIFFNESS,
        contact_damping=damping,
    )
    depth = RADIUS - float(height_at_rest(robot))
    assert depth == pytest.approx(mass * GRAVITY / STIFFNESS, rel=1e-6)


def test_the_springs_of_a_pair_are_in_series() -> None:
    bodies = {
        "low": {"position": [0.0, 0.0, RADIUS], "contact_stiffness": 2.0 * STIFFNESS},
        "high": {"position": [0.0, 0.0, 3.0 * RADIUS], "contact_stiffness": STIFFNESS},
    }
    robot = spheres_robot(bodies, [("high", "low")], mass=1.0, contact_frequency=RIGID)
    states = simulate(*build(robot, timestep=TIMESTEP), steps=600)
    low, high = np.asarray(states.pose.position.z[-1])
    assert RADIUS - low == pytest.approx(2.0 * GRAVITY / (2.0 * STIFFNESS), rel=1e-5)
    between = GRAVITY / STIFFNESS + GRAVITY / (2.0 * STIFFNESS)
    assert 2.0 * RADIUS - (high - low) == pytest.approx(between, rel=1e-5)


def test_a_spring_of_little_damping_rings_with_its_own_frequency() -> None:
    """From the ground's height with its weight on: √(k/m), to first order in the step."""
    robot = ball_robot(
        position=[0.0, 0.0, RADIUS], mass=1.0, contact_stiffness=1000.0, contact_damping=1.0
    )
    z = np.asarray(simulate(*build(robot, timestep=1e-4), steps=4000).pose.position.z[:, 0])
    lowest = np.flatnonzero((z[1:-1] < z[:-2]) & (z[1:-1] < z[2:])) + 1
    period = 1e-4 * (lowest[1] - lowest[0])
    assert period == pytest.approx(2.0 * np.pi / np.sqrt(1000.0), rel=0.01)


def test_the_mass_of_a_fallen_ball_can_be_told_from_its_depth() -> None:
    """By a stiffness, dz/dm = −g/k; by a frequency it is zero."""

    def height(mass: jax.Array, **options: Any) -> jax.Array:
        robot = ball_robot(position=[0.0, 0.0, RADIUS], mass=mass, **options)
        return height_at_rest(robot)

    slope = jax.jit(jax.grad(lambda mass: height(mass, contact_stiffness=STIFFNESS)))
    assert float(slope(1.0)) == pytest.approx(-GRAVITY / STIFFNESS, rel=1e-6)
    by_frequency = jax.jit(jax.grad(lambda mass: height(mass, contact_depth=None)))
    assert abs(float(by_frequency(1.0))) < 1e-9


@pytest.mark.parametrize(
    "name", ["contact_stiffness", pytest.param("contact_damping", marks=pytest.mark.slow)]
)
def test_stiffness_and_damping_have_their_derivatives(name: str) -> None:
    given = {"contact_stiffness": 900.0, "contact_damping": 15.0}

    def after(value: jax.Array) -> jax.Array:
        robot = ball_robot(position=[0.0, 0.0, RADIUS - 0.001], mass=1.0, **{**given, name: value})
        return simulate(*build(robot, timestep=TIMESTEP), steps=20).pose.position.z[-1, 0]

    slope = jax.jit(jax.grad(after))(given[name])
    step = 1e-5 * given[name]
    difference = (after(given[name] + step) - after(given[name] - step)) / (2.0 * step)
    assert float(slope) == pytest.approx(float(difference), rel=1e-5)


def grip(force: float, **options: Any) -> RobotConfig:
    """A ball of 45 g between two fingertips of 100 g on a rail, pressed with so many newtons."""
    small = {"shape": "sphere", "radius": 0.02, "ground_contact": False}
    rail = {"type": "slider", "parent": "world", "axis": [1.0, 0.0, 0.0]}
    return RobotConfig(
        name="grip",
        friction=0.7,
        bodies={
            "thing": BodyConfig(mass=0.045, position=[0.0, 0.0, 1.0], **small),
            "left": BodyConfig(mass=0.1, **small),
            "right": BodyConfig(mass=0.1, **small),
        },
        joints={
            "left": JointConfig(child="left", parent_offset=[-0.04, 0.0, 1.0], **rail),
            "right": JointConfig(child="right", parent_offset=[0.04, 0.0, 1.0], **rail),
        },
        motors={
            "left": MotorConfig(joint="left", max_force=force, gain=20.0),
            "right": MotorConfig(joint="right", max_force=force, gain=20.0),
        },
        contact_pairs=[["thing", "left"], ["thing", "right"]],
        **options,
    )


@pytest.mark.parametrize("force", [20.0, 60.0])
@pytest.mark.parametrize("softness", [{}, {"contact_frequency": RIGID}, {"contact_stiffness": 1e6}])
def test_fingertips_hold_what_they_pinch(force: float, softness: dict[str, float]) -> None:
    """By default nothing is pressed in by more than a twentieth of its radius."""
    robot = grip(force, **softness)
    world, state = build(robot, timestep=TIMESTEP)
    states = simulate(world, state, jnp.array([0.04, -0.04]), steps=200)
    x = dict(zip(world.bodies.names, np.asarray(states.pose.position.x[-1]), strict=True))
    z = dict(zip(world.bodies.names, np.asarray(states.pose.position.z[-1]), strict=True))
    for side in (x["thing"] - x["left"], x["right"] - x["thing"]):
        assert 0.04 - side < 0.05 * 0.02 + 1e-6
    assert z["thing"] == pytest.approx(1.0, abs=1e-3)


def test_a_limit_of_the_depth_leaves_an_ordinary_ball_as_its_frequency_has_it() -> None:
    robot = ball_robot(position=[0.0, 0.0, RADIUS], contact_frequency=30.0)
    limited = height_at_rest(robot)
    unlimited = height_at_rest(replace(robot, {"contact_depth": None}))
    assert float(limited) == float(unlimited)
