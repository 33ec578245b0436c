"""Sensors: each reading against its own definition."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.robots.config import BodyConfig, JointConfig, RobotConfig, SensorConfig
from diffsim.robots.replace import replace
from diffsim.sensors.sensors import Sensors
from diffsim.simulate.batch import side_by_side
from diffsim.world.world import State, World, part_motion
from tests.robots_in_package import robot_config
from tests.worlds import DOWN, GRAVITY, build, last, simulate

pytestmark = pytest.mark.usefixtures("float64")

ROUND_OFF = 1e-12
TIMESTEP = 1e-3


def robot(**sensors: SensorConfig) -> RobotConfig:
    """A box in any motion, a ball fixed to it off its centre, an arm on a universal joint."""
    base = BodyConfig(
        shape="box",
        size=[0.2, 0.3, 0.4],
        position=[1.0, 2.0, 3.0],
        orientation=[0.8, 0.1, -0.3, 0.5],
        velocity=[0.1, -0.2, 0.3],
        angular_velocity=[1.0, 2.0, -1.5],
    )
    return RobotConfig(
        name="measured",
        bodies={
            "base": base,
            "eye": BodyConfig(shape="sphere", radius=0.05, mass=0.2),
            "arm": BodyConfig(shape="box", size=[0.1, 0.1, 0.5]),
        },
        joints={
            "mount": JointConfig(
                type="fixed",
                parent="base",
                child="eye",
                parent_offset=[0.3, -0.1, 0.2],
                orientation=[0.6, 0.0, 0.8, 0.0],
            ),
            "neck": JointConfig(
                type="universal",
                parent="base",
                child="arm",
                axis=[1.0, 0.0, 0.0],
                second_axis=[0.0, 1.0, 0.0],
                child_face=[0.0, 0.0, -1.0],
                position=[0.4, -0.3],
                velocity=[0.7, 0.9],
            ),
        },
        sensors=sensors,
    )


def read(given: RobotConfig, world: World, state: State) -> dict[str, float]:
    sensors = Sensors(given)
    values = sensors.read(world, state)
    assert values.shape == (len(sensors.names),) == (len(sensors.units),)
    return dict(zip(sensors.names, np.asarray(values), strict=True))


def after(given: RobotConfig, steps: int = 20) -> tuple[World, State, State]:
    """World, the state before the last step, and the last one."""
    world, state = build(given, DOWN, TIMESTEP)
    states = simulate(world, state, steps=steps)
    return world, jax.tree.map(lambda leaf: leaf[-2], states), last(states)


def pose(world: World, state: State, part: str) -> dict[str, np.ndarray]:
    index = world.parts.names.index(part)
    own, twist = part_motion(world.parts, state)
    found = {
        "position": own.position,
        "rotation": own.rotation,
        "velocity": twist.linear,
        "angular_velocity": twist.angular,
    }
    return {name: np.asarray(value.stack())[index] for name, value in found.items()}


@pytest.mark.parametrize("part", ["base", "eye", "arm"])
@pytest.mark.parametrize("other", [None, "base", "arm"])
def test_motion_of_a_body_in_the_world_or_as_another_body_sees_it(
    part: str, other: str | None
) -> None:
    if part == other:
        pytest.skip("a body does not look at itself")
    given = robot(
        where=SensorConfig(type="position", body=part, relative_to=other),
        speed=SensorConfig(type="velocity", body=part, relative_to=other),
        spin=SensorConfig(type="angular_velocity", body=part, relative_to=other),
        turn=SensorConfig(type="orientation", body=part, relative_to=other),
    )
    world, _, state = after(given)
    found = read(given, world, state)
    own = pose(world, state, part)
    frame = {
        "position": np.zeros(3),
        "velocity": np.zeros(3),
        "angular_velocity": np.zeros(3),
        "rotation": np.eye(3),
    }
    if other is not None:
        frame = pose(world, state, other)
    between = own["position"] - frame["position"]
    carried = frame["velocity"] + np.cross(frame["angular_velocity"], between)
    turned = frame["rotation"].T
    expected = {
        "where": turned @ between,
        "speed": turned @ (own["velocity"] - carried),
        "spin": turned @ (own["angular_velocity"] - frame["angular_velocity"]),
    }
    for name, vector in expected.items():
        np.testing.assert_allclose(
            [found[f"{name}.{axis}"] for axis in "xyz"], vector, atol=ROUND_OFF
        )
    matrix = turned @ own["rotation"]
    for row, row_name in enumerate("xyz"):
        for column, column_name in enumerate("xyz"):
            assert found[f"turn.{row_name}{column_name}"] == pytest.approx(
                matrix[row, column], abs=ROUND_OFF
            )


def test_joint_angles_and_rates() -> None:
    given = robot(
        angle=SensorConfig(type="joint_position", joint="neck"),
        rate=SensorConfig(type="joint_velocity", joint="neck"),
    )
    world, state = build(given)
    found = read(given, world, state)
    assert [found["angle.0"], found["angle.1"]] == pytest.approx([0.4, -0.3])
    assert [found["rate.0"], found["rate.1"]] == pytest.approx([0.7, 0.9])
    assert Sensors(given).units == ("rad", "rad", "rad/s", "rad/s")


@pytest.mark.parametrize("kind", ["joint_position", "joint_velocity"])
def test_robots_side_by_side_may_have_one_kind_of_joint_sensor_alone(kind: str) -> None:
    sensors = {"pivot": SensorConfig(type=kind, joint="pivot")}
    robot = replace(robot_config("cartpole"), {"sensors": sensors})
    world, state = build(robot)
    alone = Sensors(robot).read(world, state)
    many, states = side_by_side(world, state, 3)
    together = Sensors(robot).read(many, states)
    np.testing.assert_array_equal(together, np.repeat(alone[:, None], 3, axis=1))


def test_an_imu_feels_nothing_in_free_fall_and_gravity_at_rest() -> None:
    still: dict[str, Any] = {"shape": "sphere", "radius": 0.1, "orientation": [0.9, 0.3, 0.1, 0.2]}
    for height, felt in ((5.0, 0.0), (0.1, GRAVITY)):
        given = RobotConfig(
            name="ball",
            bodies={"ball": BodyConfig(position=[0.0, 0.0, height], **still)},
            sensors={"imu": SensorConfig(type="imu", body="ball")},
        )
        world, _, state = after(given, steps=200)
        found = read(given, world, state)
        acceleration = np.array([found[f"imu.a{axis}"] for axis in "xyz"])
        up = pose(world, state, "ball")["rotation"].T @ np.array([0.0, 0.0, 1.0])
        np.testing.assert_allclose(acceleration, felt * up, atol=1e-9)


def test_an_imu_off_the_centre_feels_how_its_own_point_moves() -> None:
    """Against the second difference of the point's position: first order in the time step."""
    given = robot(imu=SensorConfig(type="imu", body="eye"))
    world, state = build(given, DOWN, 1e-4)
    states = simulate(world, state, steps=40)
    place = np.asarray(jax.vmap(partial(part_motion, world.parts))(states).pose.position.stack())[
        :, 1
    ]
    last_state = last(states)
    second = (place[-1] - 2.0 * place[-2] + place[-3]) / 1e-4**2
    expected = pose(world, last_state, "eye")["rotation"].T @ (second - np.array(DOWN))
    found = read(given, world, last_state)
    np.testing.assert_allclose(
        [found[f"imu.a{axis}"] for axis in "xyz"], expected, rtol=0.01, atol=0.01
    )


def test_distances_contacts_and_time() -> None:
    given = RobotConfig(
        name="pair",
        bodies={
            "low": BodyConfig(shape="sphere", radius=0.1, mass=2.0, position=[0.0, 0.0, 0.1]),
            "high": BodyConfig(shape="sphere", radius=0.1, position=[3.0, 4.0, 0.1]),
        },
        sensors={
            "near": SensorConfig(type="distance", body="low", relative_to="high"),
            "goal": SensorConfig(type="distance", body="low", target=[0.0, 0.0, 2.1]),
            "touch": SensorConfig(type="contact", body="low"),
            "clock": SensorConfig(type="time"),
            "sine": SensorConfig(type="sine", frequency=2.0),
            "cosine": SensorConfig(type="cosine", frequency=2.0),
        },
    )
    world, _, state = after(given, steps=300)
    found = read(given, world, state)
    assert found["near"] == pytest.approx(5.0, abs=1e-6)
    assert found["goal"] == pytest.approx(2.1 - float(state.pose.position.z[0]), abs=1e-6)
    assert found["touch"] == pytest.approx(2.0 * GRAVITY, rel=1e-3)
    assert found["clock"] == pytest.approx(0.3)
    assert found["sine"] == pytest.approx(np.sin(4.0 * np.pi * 0.3))
    assert found["cosine"] == pytest.approx(np.cos(4.0 * np.pi * 0.3))


def test_components_are_chosen_and_stay_in_the_order_of_the_file() -> None:
    given = robot(
        second=SensorConfig(type="position", body="arm", components="zx"),
        first=SensorConfig(type="imu", body="eye", components="wz ax"),
    )
    world, state = build(given)
    assert Sensors(given).names == ("second.z", "second.x", "first.wz", "first.ax")
    everything = robot(second=SensorConfig(type="position", body="arm"))
    full, chosen = read(everything, world, state), read(given, world, state)
    assert chosen["second.z"] == full["second.z"]
    assert chosen["second.x"] == full["second.x"]


def test_the_paper_s_robot_has_81_sensors_and_a_unit_for_each() -> None:
    given = robot_config("quadruped_table1")
    world, state = build(given)
    sensors = Sensors(given)
    assert len(sensors.names) == len(set(sensors.names)) == len(sensors.units) == 81
    assert bool(jnp.isfinite(sensors.read(world, state)).all())
