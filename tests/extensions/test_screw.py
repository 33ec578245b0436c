"""A joint type from outside the package passes what the package's own joints pass."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.joints.coordinates import joint_coordinates, joint_rates
from diffsim.joints.joints import joint_frames
from diffsim.robots.build import build_world, initial_state
from diffsim.robots.config import BodyConfig, JointConfig, MotorConfig, RobotConfig
from diffsim.robots.replace import replace
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.world.world import Control, State
from tests.extensions import screw  # noqa: F401, adds the kind
from tests.gradients.compare import Scene, disagreement, jacobians
from tests.gradients.test_one_step import DIFFERENCES_TOLERANCE, MODES_TOLERANCE
from tests.physics.test_joints import largest_drift
from tests.worlds import DOWN, WEIGHTLESS, angular_momentum, build, last, momentum, simulate

pytestmark = pytest.mark.usefixtures("float64")

PITCH = 0.05
LEAD = PITCH / (2.0 * math.pi)
ROUND_OFF = 1e-12


def spindle(parent: str = "world", **options: object) -> RobotConfig:
    """A nut on a vertical screw that hangs on the world, or on a free body."""
    joint = {
        "type": "screw",
        "parent": parent,
        "child": "nut",
        "axis": [0.0, 0.0, 1.0],
        "parent_offset": [0.0, 0.0, 1.0],
        "parameters": {"pitch": PITCH},
    }
    bodies = {"nut": BodyConfig(shape="box", size=[0.1, 0.1, 0.02], mass=2.0)}
    if parent == "frame":
        bodies["frame"] = BodyConfig(shape="box", size=[0.3, 0.2, 0.5], mass=3.0)
    motor = MotorConfig("screw", 0, "torque", max_force=5.0)
    return RobotConfig(
        name="spindle",
        bodies=bodies,
        joints={"screw": JointConfig(**{**joint, **options})},
        motors={"motor": motor},
    )


def read(robot: RobotConfig, steps: int, gravity: tuple[float, ...], timestep: float) -> np.ndarray:
    """Coordinate, its rate and the nut's height after every step, shape (steps, 3)."""
    world, state = build(robot, gravity, timestep)
    states = simulate(world, state, steps=steps)

    def now(state: State) -> jax.Array:
        frames, which = joint_frames(world.joints, state.pose), ((0, 0),)
        q = joint_coordinates(world.joints, frames, which, state.angles)[0]
        rate = joint_rates(world.joints, frames, state.pose.position, state.twist, which)[0]
        return jnp.stack([q, rate, state.pose.position.z[0]])

    return np.asarray(jax.vmap(now)(states))


def test_a_nut_falls_down_its_screw_as_inertia_and_pitch_say() -> None:
    """(I + m lead²) q̈ = −m g lead, over several turns."""
    size = 0.1
    inertia = 2.0 * (size**2 + size**2) / 12.0
    expected = -2.0 * 9.81 * LEAD / (inertia + 2.0 * LEAD**2)
    found = read(spindle(), 400, DOWN, 0.005)
    time = 0.005 * np.arange(1, 401)
    np.testing.assert_allclose(found[:, 1], expected * time, rtol=1e-9)
    assert found[-1, 0] < -4.0 * math.pi, "no whole turns"
    np.testing.assert_allclose(found[:, 2] - 1.0, LEAD * found[:, 0], atol=ROUND_OFF)


def test_bodies_start_where_the_coordinate_says_beyond_a_turn_too() -> None:
    robot = spindle(position=[8.0], velocity=[-3.0])
    world, state = build(robot)
    frames = joint_frames(world.joints, state.pose)
    which = ((0, 0),)
    q = joint_coordinates(world.joints, frames, which, state.angles)
    rate = joint_rates(world.joints, frames, state.pose.position, state.twist, which)
    np.testing.assert_allclose([q[0], rate[0]], [8.0, -3.0], atol=ROUND_OFF)
    assert float(state.pose.position.z[0]) == pytest.approx(1.0 + 8.0 * LEAD)
    assert float(state.twist.linear.z[0]) == pytest.approx(-3.0 * LEAD)


def test_it_drifts_no_more_than_round_off_and_keeps_momentum() -> None:
    robot = replace(
        spindle("frame", velocity=[15.0], axis=[0.3, -0.2, 1.0]),
        {
            "bodies.frame.angular_velocity": [0.5, 0.2, -0.4],
            "bodies.frame.velocity": [0.1, 0.2, 0.3],
        },
    )
    world, state = build(robot, WEIGHTLESS, 0.005)
    states = simulate(world, state, steps=400)
    assert largest_drift(world, states) < 1e-10
    linear, angular = momentum(world, states), angular_momentum(world, states)
    np.testing.assert_allclose(linear - linear[0], 0.0, atol=1e-10)
    np.testing.assert_allclose(angular - angular[0], 0.0, atol=1e-8)


def test_rows_come_to_the_same_as_eliminating_it() -> None:
    ends = []
    for eliminate, solver in ((True, ProjectedGaussSeidel()), (False, ProjectedGaussSeidel(100))):
        world = build_world(spindle(velocity=[4.0]), DOWN, 1e-3, eliminate_joints=eliminate)
        start = initial_state(spindle(velocity=[4.0]), world)
        end = last(simulate(world, start, jnp.array([0.3]), steps=200, solver=solver))
        ends.append([float(end.pose.position.z[0]), float(end.twist.angular.z[0])])
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-4)


def test_a_torque_turns_it_as_one_force_over_the_pitch_would_lift_it() -> None:
    """At rest under gravity with τ = m g lead."""
    world, state = build(spindle(), DOWN, 0.005)
    end = last(simulate(world, state, jnp.array([2.0 * 9.81 * LEAD]), steps=200))
    assert float(end.twist.angular.z[0]) == pytest.approx(0.0, abs=1e-9)
    assert float(end.pose.position.z[0]) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(
    "soft", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["eliminated", "soft"]
)
def test_gradients_agree(soft: bool) -> None:
    """The derivative by the pitch is among them."""
    options = {"frequency": 5.0} if soft else {}
    robot = spindle("frame", position=[0.4], velocity=[2.0], axis=[0.3, -0.2, 1.0], **options)
    world, state = build(robot, DOWN, 0.01)
    result = jacobians(Scene(world, state, Control(jnp.array([0.7]))))
    assert "parameters" in result.inputs
    assert disagreement(result.reverse, result.forward, result.scale) < MODES_TOLERANCE
    assert disagreement(result.reverse, result.differences, result.scale) < DIFFERENCES_TOLERANCE
