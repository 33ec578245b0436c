"""Counts of robots, against those of the paper and those made by hand."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest

from diffsim.checks.structure import RowCounts, Structure, readings, structure
from diffsim.robots.actuators import actuators
from diffsim.robots.build import build_world
from diffsim.robots.config import BodyConfig, JointConfig, RobotConfig, ThrusterConfig
from diffsim.world.world import World
from tests.robots_in_package import robot_config
from tests.worlds import DOWN

TIMESTEP = 0.01


def world_of(robot: RobotConfig, reduced: bool = True) -> World:
    return build_world(robot, DOWN, TIMESTEP, eliminate_joints=reduced, merge_fixed=reduced)


def count(robot: RobotConfig) -> Structure:
    return structure(robot, world_of(robot), world_of(robot, reduced=False))


@cache
def counted(name: str) -> Structure:
    return count(robot_config(name))


def linkage(**closing: object) -> RobotConfig:
    """Four bars: three bodies and the ground."""
    bars = {name: BodyConfig(shape="box", size=[0.3, 0.05, 0.05]) for name in "abc"}
    ends = {"parent_face": [1.0, 0.0, 0.0], "child_face": [-1.0, 0.0, 0.0]}
    joints = {
        "first": JointConfig(type="hinge", parent="world", child="a"),
        "ab": JointConfig(type="hinge", parent="a", child="b", **ends),
        "bc": JointConfig(type="hinge", parent="b", child="c", **ends),
        "closing": JointConfig(
            type="hinge", parent="world", child="c", closes_loop=True, **closing
        ),
    }
    return RobotConfig(name="linkage", bodies=bars, joints=joints)


def test_the_quadruped_of_table_1_has_the_papers_100_rows() -> None:
    found = counted("quadruped_table1")
    assert found.bodies == 17
    assert found.all_rows == RowCounts(joints=68, motors=16, limits=0, contacts=16)
    assert found.all_rows.total == 100


def test_what_is_merged_and_eliminated_has_no_rows() -> None:
    found = counted("quadruped_table1")
    assert found.simulated_bodies == 13  # four feet are part of their tibias
    assert found.rows == RowCounts(joints=0, motors=16, limits=0, contacts=16)
    assert found.joints == {"ball": 8, "hinge": 4, "fixed": 4}
    # The spine 6, four shoulders and four mounts 3 each, four elbows 1 each.
    assert found.freedoms == 34
    assert found.freedoms_are_exact


@pytest.mark.parametrize(
    ("name", "freedoms", "mass"), [("quadruped", 14, 28.7), ("arm", 4, 32.2), ("cartpole", 2, 11.0)]
)
def test_freedoms_and_mass_of_the_shipped_robots(name: str, freedoms: int, mass: float) -> None:
    found = counted(name)
    assert found.freedoms == freedoms
    assert found.mass == pytest.approx(mass, abs=0.05)


def test_limits_are_rows() -> None:
    assert counted("arm").rows == RowCounts(joints=0, motors=4, limits=2, contacts=0)


def test_a_loop_takes_freedoms_away_and_the_rest_is_a_lower_bound() -> None:
    found = count(linkage())
    assert found.loop_joints == 1
    assert found.freedoms == 0  # 3 − 5: two of the five rows hold what is held already
    assert not found.freedoms_are_exact
    assert found.rows.joints == 5


def test_soft_joints_stay_rows() -> None:
    robot = linkage()
    robot.joints["bc"] = dataclasses.replace(robot.joints["bc"], frequency=5.0)
    found = count(robot)
    assert found.soft_joints == 1
    assert found.rows.joints == 10


def test_readings_have_names_units_and_the_order_of_the_file() -> None:
    robot = robot_config("cartpole")
    assert readings(robot) == [
        ("cart_position", "m"),
        ("cart_velocity", "m/s"),
        ("pole_direction.xz", "1"),
        ("pole_direction.zz", "1"),
        ("pole_rate", "rad/s"),
    ]
    table_1 = robot_config("quadruped_table1")
    assert len(readings(table_1)) == 81


def test_actuators_are_thrusters_then_motors_with_their_units_and_limits() -> None:
    robot = dataclasses.replace(
        robot_config("cartpole"), thrusters={"push": ThrusterConfig(body="weight", limit=3.0)}
    )
    push, drive = actuators(robot)
    assert (push.name, push.kind, push.acts_on, push.unit) == ("push", "force", "weight", "N")
    assert push.command == (-3.0, 3.0)
    assert (drive.name, drive.kind, drive.acts_on) == ("drive", "velocity servo", "rail")
    assert (drive.unit, drive.command) == ("m/s", (-np.inf, np.inf))
    assert (drive.max_force, drive.force_unit) == (500.0, "N")
    assert (drive.max_rate, drive.rate_unit) == (3.0, "m/s")
    shoulder = actuators(robot_config("quadruped_table1"))[1]
    assert (shoulder.acts_on, shoulder.unit) == ("shoulder_front_left.1", "rad")
