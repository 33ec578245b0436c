"""Every number of a configuration can be found, and replaced."""

from __future__ import annotations

import dataclasses

import pytest

from diffsim.checks.numbers import INITIAL_STATE, MARGIN, Number, below, collect
from diffsim.experiment.config import SimulationConfig
from diffsim.robots.appearance import PlaneConfig
from diffsim.robots.config import BodyConfig, GeomConfig, RobotConfig
from diffsim.robots.replace import replace
from tests.robots_in_package import ARTICULATED, robot_config


def found(robot: RobotConfig) -> dict[str, Number]:
    return {number.path: number for number in collect(robot, SimulationConfig())}


@pytest.mark.parametrize("name", [*ARTICULATED, "ball"])
def test_what_is_filled_in_is_found_again(name: str) -> None:
    robot = robot_config(name)
    values = {path: number.value * 1.01 for path, number in found(robot).items()}
    again = found(replace(robot, below(values, "robot")))
    for path, number in again.items():
        if not path.startswith("simulation."):
            assert number.value == pytest.approx(values[path], abs=MARGIN * number.scale), path


def test_kinds_are_the_fields_and_the_initial_state() -> None:
    numbers = found(robot_config("cartpole"))
    assert numbers["robot.joints.pivot.position.0"].kind == INITIAL_STATE
    assert numbers["robot.bodies.bar.density"].kind == "body.density"
    assert numbers["robot.motors.drive.max_force"].kind == "motor.max_force"
    assert numbers["simulation.gravity.2"].kind == "simulation.gravity"


def test_numbers_without_a_meaning_are_left_out() -> None:
    numbers = found(robot_config("cartpole"))
    assert "robot.bodies.bar.position.0" not in numbers  # its joint places it
    assert "robot.bodies.bar.mass" not in numbers  # not given
    assert "robot.motors.drive.coordinate" not in numbers  # a choice, no quantity
    assert "simulation.dt" not in numbers
    assert not any(".texture." in path or ".light." in path for path in numbers)  # only seen
    assert "robot.motors.drive.max_velocity" in numbers
    arm = robot_config("arm")
    arm = dataclasses.replace(arm, contact_frequency=float("inf"))
    assert "robot.contact_frequency" not in found(arm)


def test_numbers_at_the_edge_of_their_range_are_moved_inside() -> None:
    ball = BodyConfig(shape="sphere", radius=0.1, friction=0.0)
    numbers = found(RobotConfig(name="ball", bodies={"ball": ball}, restitution=1.0))
    friction, restitution = numbers["robot.bodies.ball.friction"], numbers["robot.restitution"]
    assert friction.value == MARGIN * friction.scale
    assert restitution.value == 1.0 - MARGIN * restitution.scale


def test_numbers_of_geoms_planes_and_parameters_are_found() -> None:
    geom = GeomConfig(shape="sphere", radius=0.2, position=[0.1, 0.0, 0.0])
    plane, seen = PlaneConfig(solid=True, friction=0.4), PlaneConfig()
    body = BodyConfig(geoms={"left": geom}, parameters={"length": 0.3})
    robot = RobotConfig(name="r", bodies={"a": body}, scenery={"ramp": plane, "wall": seen})
    numbers = found(robot)
    assert numbers["robot.bodies.a.geoms.left.position.0"].kind == "geom.position"
    assert numbers["robot.bodies.a.geoms.left.radius"].kind == "geom.radius"
    assert numbers["robot.bodies.a.position.0"].kind == INITIAL_STATE
    assert numbers["robot.bodies.a.parameters.length"].scale == 0.3
    assert "robot.scenery.ramp.friction" in numbers
    assert not any("wall" in path or "ramp.size" in path for path in numbers)
