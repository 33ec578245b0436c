"""A sensor type from outside: read, checked and used like those that diffsim brings."""

from __future__ import annotations

import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tests.extensions.rangefinder  # noqa: F401  (adds the type)
from diffsim.robots.check import check_robot
from diffsim.robots.config import BodyConfig, RobotConfig, SensorConfig
from diffsim.sensors.sensors import Sensors
from diffsim.simulate.batch import side_by_side
from diffsim.validation import ConfigError
from tests.commands import diffsim_check
from tests.worlds import build

pytestmark = pytest.mark.usefixtures("float64")

HEIGHT, TILT = 2.0, 0.6
LANDER = """
name: lander
bodies:
  hull: {shape: sphere, radius: 0.2, mass: 2.0, position: [0.0, 0.0, 3.0]}
thrusters:
  brake: {body: hull, axis: [0.0, 0.0, 1.0], limit: 40.0}
sensors:
  altitude: {type: rangefinder, body: hull, parameters: {reach: 5.0}}
"""


def robot(**sensors: SensorConfig) -> RobotConfig:
    """A box that is tilted, and one that lies on its back."""
    tilted = [float(np.cos(TILT / 2)), float(np.sin(TILT / 2)), 0.0, 0.0]
    return RobotConfig(
        name="measured",
        bodies={
            "box": BodyConfig(
                shape="box",
                size=[0.1, 0.1, 0.1],
                position=[0.0, 0.0, HEIGHT],
                orientation=tilted,
            ),
            "turned": BodyConfig(
                shape="box",
                size=[0.1, 0.1, 0.1],
                position=[1.0, 0.0, HEIGHT],
                orientation=[0.0, 1.0, 0.0, 0.0],
            ),
        },
        sensors=sensors,
    )


def finder(body: str, **parameters: float) -> SensorConfig:
    return SensorConfig(type="rangefinder", body=body, parameters=parameters)


def test_it_measures_along_the_bodys_axis_and_no_further_than_it_reaches() -> None:
    given = robot(far=finder("box"), near=finder("box", reach=1.0), up=finder("turned", reach=5.0))
    check_robot(given)
    world, state = build(given)
    sensors = Sensors(given)
    expected = [HEIGHT / np.cos(TILT), 1.0, 5.0]
    assert sensors.names == ("far", "near", "up")
    assert sensors.units == ("m", "m", "m")
    assert sensors.closed
    np.testing.assert_allclose(sensors.read(world, state), expected, rtol=1e-12)
    many, states = side_by_side(world, state, 3)
    together = sensors.read(many, states)
    np.testing.assert_allclose(together, np.repeat(np.array(expected)[:, None], 3, axis=1))


def test_its_gradient_is_that_of_finite_differences() -> None:
    given = robot(far=finder("box"), near=finder("box", reach=1.0), up=finder("turned"))
    world, state = build(given)

    def total(height: jax.Array) -> jax.Array:
        position = state.pose.position._replace(z=state.pose.position.z + height)
        moved = state._replace(pose=state.pose._replace(position=position))
        return jnp.sum(Sensors(given).read(world, moved))

    assert float(jax.grad(total)(jnp.zeros(()))) == pytest.approx(1.0 / np.cos(TILT))


def test_its_own_number_is_checked_and_may_be_optimised() -> None:
    with pytest.raises(ConfigError, match=r"robot\.sensors\.far\.parameters\.reach must be > 0"):
        check_robot(robot(far=finder("box", reach=-1.0)))
    with pytest.raises(ConfigError, match=r"parameters must be one of reach for a rangefinder"):
        check_robot(robot(far=finder("box", radius=1.0)))
    with pytest.raises(ConfigError, match=r"robot\.sensors\.far\.joint must be null"):
        check_robot(robot(far=SensorConfig(type="rangefinder", body="box", joint="neck")))

    world, state = build(robot())

    def reading(reach: jax.Array) -> jax.Array:
        given = robot(near=finder("box", reach=reach))  # type: ignore[arg-type]
        return Sensors(given).read(world, state)[0]

    assert float(jax.grad(reading)(jnp.array(1.0))) == 1.0


def test_a_plugin_brings_it_to_the_command_line(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parent / "rangefinder.py", tmp_path / "my_sensors.py")
    (tmp_path / "mine" / "robot").mkdir(parents=True)
    (tmp_path / "mine" / "robot" / "lander.yaml").write_text(LANDER)
    command = ("--config-dir", "mine", "robot=lander", "device=cpu")
    refused = diffsim_check(*command, folder=tmp_path)
    assert refused.returncode == 2
    assert "robot.sensors.altitude.type must be one of position, velocity" in refused.stderr
    done = diffsim_check(
        *command,
        "plugins=[my_sensors]",
        "check.duration=0.1",
        "check.gradients=false",
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "altitude" in done.stdout
