"""Motors and limits do what their data say, and no more."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.dynamics.bodies import kinetic_energy
from diffsim.joints.coordinates import joint_coordinates, joint_rates
from diffsim.joints.joints import joint_frames
from diffsim.robots.config import BodyConfig, JointConfig, MotorConfig, RobotConfig
from diffsim.world.world import State, World
from tests.robots_in_package import robot_config
from tests.worlds import DOWN, SOLVER, WEIGHTLESS, build, last, simulate, with_motion

pytestmark = pytest.mark.usefixtures("float64")

TIMESTEP = 0.01
ROUND_OFF = 1e-12
# Of what ten warm-started sweeps leave open in a servo that one limit and nothing else acts on.
SOLVED = 1e-9


def mechanism(
    kind: str = "hinge", joint: dict[str, Any] | None = None, **motor: Any
) -> RobotConfig:
    """One box on a hinge or slider along y with one motor."""
    given = {"type": kind, "parent": "world", "child": "link", "axis": [0.0, 1.0, 0.0]}
    return RobotConfig(
        name="mechanism",
        bodies={"link": BodyConfig(shape="box", size=[0.1, 0.2, 0.4])},
        joints={"joint": JointConfig(**given, **(joint or {}))},
        motors={"motor": MotorConfig(joint="joint", **motor)} if motor else {},
    )


def coordinates(world: World, states: State) -> tuple[np.ndarray, np.ndarray]:
    """Of the first joint after every step: position and rate."""

    def read(state: State) -> tuple[jax.Array, jax.Array]:
        frames = joint_frames(world.joints, state.pose)
        motion = (state.pose.position, state.twist)
        which = ((0, 0),)
        return (
            joint_coordinates(world.joints, frames, which, state.angles)[0],
            joint_rates(world.joints, frames, *motion, which)[0],
        )

    position, rate = jax.vmap(read)(states)
    return np.asarray(position), np.asarray(rate)


def run(robot: RobotConfig, command: float, steps: int, gravity: Any = WEIGHTLESS) -> Any:
    world, state = build(robot, gravity, TIMESTEP)
    states = simulate(world, state, jnp.array([command]), steps=steps)
    return world, states, *coordinates(world, states)


@pytest.mark.parametrize("kind", ["hinge", "slider"])
def test_a_position_servo_closes_its_gap_by_gain_times_timestep(kind: str) -> None:
    robot = mechanism(kind, type="position", gain=10.0, max_force=1e6, max_velocity=1e6)
    *_, position, _ = run(robot, 0.2, 50)
    expected = 0.2 * (1.0 - (1.0 - 10.0 * TIMESTEP) ** np.arange(1, 51))
    # Bodies turn by 2 arctan(ωh/2) in one step, where the servo reckons with ωh.
    np.testing.assert_allclose(position, expected, atol=3e-6 if kind == "hinge" else SOLVED)


@pytest.mark.parametrize("kind", ["hinge", "slider"])
def test_a_servo_is_no_faster_than_its_maximal_velocity(kind: str) -> None:
    robot = mechanism(kind, type="position", gain=50.0, max_force=1e6, max_velocity=0.3)
    *_, rate = run(robot, 10.0, 50)
    np.testing.assert_allclose(rate, 0.3, atol=SOLVED)


def test_a_velocity_servo_keeps_its_velocity_against_gravity() -> None:
    robot = mechanism(
        joint={"child_face": [0.0, 0.0, 1.0]},
        type="velocity",
        max_force=1e3,
        max_velocity=10.0,
    )
    *_, rate = run(robot, 2.0, 200, DOWN)
    np.testing.assert_allclose(rate, 2.0, atol=1e-3)  # of the chord; at the step's end, the tangent


@pytest.mark.parametrize("kind", ["position", "velocity", "torque"])
def test_a_command_beyond_its_range_is_the_range_s_end(kind: str) -> None:
    robot = mechanism(type=kind, max_force=0.5, command_range=[-0.1, 0.2])
    ends = [run(robot, command, 5)[-1][-1] for command in (0.2, 0.3, 1e9)]
    assert ends[0] == ends[1] == ends[2]


@pytest.mark.parametrize("kind", ["hinge", "slider"])
def test_a_torque_is_what_changes_the_momentum(kind: str) -> None:
    robot = mechanism(kind, type="torque", max_force=1.0)
    world, _, _, rate = run(robot, 0.7, 20)
    inertia = float(world.bodies.inertia.yy[0] if kind == "hinge" else world.bodies.mass[0])
    np.testing.assert_allclose(rate, 0.7 * TIMESTEP / inertia * np.arange(1, 21), rtol=1e-9)


@pytest.mark.parametrize("kind", ["position", "velocity", "torque"])
def test_over_one_step_the_impulse_never_exceeds_force_times_timestep(kind: str) -> None:
    """Also of the motors of a robot that is thrown about and asked for the impossible."""
    robot = mechanism(type=kind, max_force=0.3)
    world, states, _, rate = run(robot, -1e6, 30)
    change = np.diff(rate, prepend=0.0) * float(world.bodies.inertia.yy[0])
    assert np.abs(change).max() <= 0.3 * TIMESTEP * (1.0 + 1e-9)
    assert np.abs(states.impulses.motor).max() <= 0.3 * TIMESTEP * (1.0 + ROUND_OFF)


def test_no_motor_of_a_falling_robot_exceeds_its_torque() -> None:
    world, state = build(robot_config("quadruped"), DOWN, TIMESTEP)
    commands = jax.random.uniform(jax.random.key(0), (8,), minval=-3.0, maxval=3.0)
    states = simulate(world, state, commands, steps=300)
    impulses = np.abs(np.asarray(states.impulses.motor))
    bound = np.asarray(world.drives.max_force) * TIMESTEP
    assert (impulses <= bound * (1.0 + ROUND_OFF)).all()
    assert (impulses >= 0.999 * bound).any(), "no motor was ever saturated"


@pytest.mark.parametrize("kind", ["hinge", "slider"])
@pytest.mark.parametrize("end", [-1.0, 1.0])
def test_a_limit_stops_a_coordinate_without_a_rebound(kind: str, end: float) -> None:
    limited = {"lower": [-0.3], "upper": [0.3], "velocity": [2.0 * end]}
    world, states, position, rate = run(
        mechanism(kind, limited, type="torque", max_force=1.0), 0.0, 60
    )
    depth = 2e-4 if kind == "hinge" else 1e-12  # the last step's arctan
    assert np.abs(position).max() <= 0.3 + depth
    assert position[-1] == pytest.approx(0.3 * end, abs=2e-4)
    assert abs(rate[-1]) < 1e-9
    kinetic = kinetic_energy(world.bodies, states.pose.rotation, states.twist)
    assert (np.diff(kinetic[:, 0]) <= ROUND_OFF).all()


def test_a_limit_holds_against_a_motor_and_a_motor_cannot_pull_beyond_it() -> None:
    limited = {"lower": [-0.3], "upper": [0.3]}
    robot = mechanism("hinge", limited, type="position", gain=20.0, max_force=5.0)
    _, states, position, _ = run(robot, 2.0, 200)
    assert position[-1] == pytest.approx(0.3, abs=1e-6)
    end = last(states)
    assert float(end.impulses.motor[0]) == pytest.approx(5.0 * TIMESTEP)
    assert float(end.impulses.limit[0]) == pytest.approx(-5.0 * TIMESTEP)


def test_what_starts_beyond_a_limit_comes_back_by_erp_in_each_step() -> None:
    world, state = build(mechanism("slider", {"lower": [-0.3], "upper": [0.3]}), WEIGHTLESS, 0.01)
    state = with_motion(state, position=state.pose.position._replace(y=state.pose.position.y + 0.4))
    states = simulate(world, state, steps=10)
    position, _ = coordinates(world, states)
    expected = 0.3 + 0.1 * (1.0 - SOLVER.erp) ** np.arange(1, 11)
    np.testing.assert_allclose(position, expected, atol=1e-9)


@pytest.mark.parametrize("coordinate", [0, 1, 2])
def test_each_coordinate_of_a_ball_joint_has_its_own_servo(coordinate: int) -> None:
    robot = mechanism("ball", type="position", coordinate=coordinate, gain=20.0, max_force=1e3)
    world, state = build(robot, WEIGHTLESS, TIMESTEP)
    end = last(simulate(world, state, jnp.array([0.5]), steps=100))
    frames = joint_frames(world.joints, end.pose)
    found = joint_coordinates(world.joints, frames, ((0, 0), (0, 1), (0, 2)), end.angles)
    np.testing.assert_allclose(found, 0.5 * np.eye(3)[coordinate], atol=1e-6)
