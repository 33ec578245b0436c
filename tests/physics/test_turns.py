"""Hinges count turns, turn exactly as far as their rate says, and clocks keep time."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.robots.config import BodyConfig, JointConfig, MotorConfig, RobotConfig, SensorConfig
from diffsim.sensors.sensors import Sensors
from diffsim.simulate.step import next_time
from diffsim.world.world import State, World
from tests.worlds import WEIGHTLESS, build, simulate, with_motion

TIMESTEP = 0.01
ROUND_OFF = 1e-9


def swivel(motor: dict[str, Any] | None = None, **joint: Any) -> RobotConfig:
    """An arm on a vertical hinge, with a sensor of its angle and one of its rate."""
    options = {"child_face": [-1.0, 0.0, 0.0], "axis": [0.0, 0.0, 1.0], **joint}
    return RobotConfig(
        name="swivel",
        bodies={"arm": BodyConfig(shape="box", size=[0.4, 0.05, 0.05], mass=1.0)},
        joints={"hinge": JointConfig(type="hinge", parent="world", child="arm", **options)},
        motors={} if motor is None else {"motor": MotorConfig(joint="hinge", **motor)},
        sensors={
            "angle": SensorConfig(type="joint_position", joint="hinge"),
            "rate": SensorConfig(type="joint_velocity", joint="hinge"),
        },
    )


def angles(robot: RobotConfig, steps: int, command: float | None = None) -> np.ndarray:
    """Angle and rate after every step, as the sensors give them, shape (steps, 2)."""
    world, state = build(robot, WEIGHTLESS, TIMESTEP)
    thrust = None if command is None else jnp.array([command])
    return read(robot, world, simulate(world, state, thrust, steps=steps))


def read(robot: RobotConfig, world: World, states: State) -> np.ndarray:
    sensors = Sensors(robot)
    return np.asarray(jax.jit(jax.vmap(lambda state: sensors.read(world, state)))(states))


@pytest.mark.usefixtures("precision")
def test_an_arm_at_rest_beyond_half_a_turn_stays() -> None:
    found = angles(swivel(lower=[0.0], upper=[4.0], position=[3.5]), steps=300)
    np.testing.assert_allclose(found[:, 0], 3.5, atol=1e-5)


@pytest.mark.usefixtures("float64")
def test_an_arm_turns_past_half_a_turn_and_stops_at_its_limit() -> None:
    robot = swivel(lower=[0.0], upper=[4.0], position=[2.5], velocity=[1.0])
    found = angles(robot, steps=300)[:, 0]
    assert found[99] == pytest.approx(3.5, abs=1e-6)
    np.testing.assert_allclose(found[160:], 4.0, atol=1e-6)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("limit", [3.14, np.pi, 3.2, 4.15, 4.712, 12.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_limit_beyond_half_a_turn_holds_against_a_torque(limit: float, sign: float) -> None:
    motor = {"type": "torque", "max_force": 200.0}
    robot = swivel(motor, lower=[-limit], upper=[limit])
    found = angles(robot, steps=200, command=sign * 200.0)[:, 0]
    assert np.abs(found).max() < limit + 1e-6
    assert found[-1] == pytest.approx(sign * limit, abs=1e-6)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("goal", [3.5, -9.0, 20.0 * np.pi])
def test_a_servo_gets_to_angles_beyond_half_a_turn(goal: float) -> None:
    motor = {"type": "position", "gain": 5.0, "max_force": 10.0, "max_velocity": 12.0}
    found = angles(swivel(motor), steps=1200, command=goal)
    assert found[-1, 0] == pytest.approx(goal, abs=1e-6)
    assert abs(found[-1, 1]) < 1e-6


@pytest.mark.usefixtures("float64")
def test_a_servo_between_limits_goes_the_long_way() -> None:
    motor = {"type": "position", "gain": 5.0, "max_force": 10.0}
    robot = swivel(motor, lower=[-3.14], upper=[3.14], position=[3.0])
    found = angles(robot, steps=600, command=-3.0)[:, 0]
    assert found[-1] == pytest.approx(-3.0, abs=1e-6)
    assert np.all(np.diff(found) < 1e-9)


@pytest.mark.parametrize("rate", [10.0, 30.0, 100.0, 400.0, -1000.0])
def test_a_wheel_turns_as_far_as_its_rate_says(precision: str, rate: float) -> None:
    """Also by more than half a turn in a step."""
    robot = swivel(child_face=[0.0, 0.0, 0.0], velocity=[rate])
    found = angles(robot, steps=200)
    time = TIMESTEP * np.arange(1, 201)
    tolerance = {"float32": 1e-5, "float64": 1e-12}[precision]
    np.testing.assert_allclose(found[:, 1], rate, rtol=tolerance)
    np.testing.assert_allclose(found[:, 0], rate * time, rtol=tolerance)


@pytest.mark.usefixtures("float64")
def test_both_coordinates_of_a_universal_joint_count_turns() -> None:
    robot = RobotConfig(
        name="gimbal",
        bodies={"ball": BodyConfig(shape="sphere", radius=0.1, ground_contact=False)},
        joints={
            "cross": JointConfig(
                type="universal",
                parent="world",
                child="ball",
                axis=[0.0, 0.0, 1.0],
                second_axis=[0.0, 1.0, 0.0],
                position=[7.0, -4.0],
                velocity=[3.0, -2.0],
            )
        },
        sensors={"angles": SensorConfig(type="joint_position", joint="cross")},
    )
    world, state = build(robot, WEIGHTLESS, 1e-3)
    found = read(robot, world, simulate(world, state, steps=1500))
    np.testing.assert_allclose(found[0], [7.003, -4.002], atol=1e-4)
    assert np.abs(np.diff(found, axis=0)).max() < 0.1  # no jump by a turn
    assert found[-1, 0] > 7.0 + np.pi


@pytest.mark.usefixtures("float64")
def test_an_angle_has_its_derivative_also_where_it_passes_half_a_turn() -> None:
    robot = swivel(lower=[0.0], upper=[9.0], position=[2.5], velocity=[1.0])
    world, state = build(robot, WEIGHTLESS, TIMESTEP)
    sensors = Sensors(robot)

    def end(rate: jax.Array) -> jax.Array:
        start = with_motion(
            state, velocity=state.twist.linear * rate, angular_velocity=state.twist.angular * rate
        )
        states = simulate(world, start, steps=100)
        return sensors.read(world, jax.tree.map(lambda leaf: leaf[-1], states))[0]

    # It is there after 0.64 s: at the end of these rates it is on this side, at it, and beyond.
    for rate in (0.5, 0.641592653589793, 1.0, 2.0):
        value, slope = jax.value_and_grad(end)(rate)
        difference = (end(rate + 1e-6) - end(rate - 1e-6)) / 2e-6
        assert float(value) == pytest.approx(2.5 + rate, abs=1e-4)
        assert float(slope) == pytest.approx(float(difference), rel=1e-6)
        assert float(slope) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("timestep", [0.01, 0.001])
def test_a_clock_is_right_after_an_hour(timestep: float) -> None:
    """In float32, whose spacing at an hour is 0.24 ms."""
    robot = RobotConfig(name="box", bodies={"box": BodyConfig(shape="box", size=[0.1] * 3)})
    world, state = build(robot, WEIGHTLESS, timestep)
    assert world.timestep.dtype == jnp.float32
    count = round(3600.0 / timestep)

    @jax.jit
    def hour(world: World, state: State) -> jax.Array:
        def tick(_: int, clock: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            return next_time(*clock, world.timestep)

        return jax.lax.fori_loop(0, count, tick, (state.time, state.time_excess))[0]

    assert float(hour(world, state)) == pytest.approx(3600.0, abs=0.0005)
