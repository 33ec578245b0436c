"""What a motion is judged by tells right from wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from diffsim.checks.config import CheckConfig, CheckSettings, ToleranceConfig
from diffsim.checks.motion import (
    check_motion,
    count_broken,
    judge_energy,
    judge_momentum,
)
from diffsim.checks.observation import Observation, observe
from diffsim.checks.trial import Trials
from diffsim.robots.config import BodyConfig, JointConfig, MotorConfig, RobotConfig
from diffsim.robots.replace import replace
from tests.worlds import GRAVITY, ball_robot, build

pytestmark = pytest.mark.usefixtures("float64")

TOLERANCES = ToleranceConfig()
STEPS = 200


def observation(**given: Any) -> Observation:
    """Of a body that stays where it is, but for what is given."""
    values: dict[str, Any] = {name: np.zeros(STEPS) for name in Observation._fields}
    values["finite"] = np.ones((STEPS, 1), bool)
    for name in ("momentum", "angular_momentum"):
        values[name] = np.zeros((STEPS, 3))
    for name in ("momentum_scale", "angular_scale"):
        values[name] = np.ones(STEPS)
    return Observation(**{**values, **given})


def free_fall(timestep: float) -> Observation:
    """Semi-implicit Euler by hand, of 1 kg thrown upwards."""
    velocity = 2.0 - GRAVITY * timestep * np.arange(1, STEPS + 1)
    height = timestep * np.cumsum(velocity)
    return observation(kinetic=0.5 * velocity**2, potential=GRAVITY * height)


def rise_of(observed: Observation, robot: RobotConfig | None = None) -> Any:
    world, _ = build(robot or ball_robot(mass=1.0), timestep=0.01)
    (rise,) = [m for m in judge_energy(observed, world, TOLERANCES) if "rise" in m.name]
    return rise


def test_the_energy_of_free_fall_is_exact() -> None:
    rise = rise_of(free_fall(0.01))
    assert rise.holds
    assert rise.value < 1e-12  # round-off of 200 sums


def test_energy_from_nowhere_is_missed() -> None:
    fall = free_fall(0.01)
    gaining = fall._replace(kinetic=fall.kinetic * np.linspace(1.0, 1.1, STEPS))
    assert not rise_of(gaining).holds


def test_energy_that_soft_joints_may_have_stored_is_only_told() -> None:
    robot = RobotConfig(
        name="soft",
        bodies={name: BodyConfig(shape="sphere", radius=0.1) for name in ("a", "b")},
        joints={"joint": JointConfig(type="ball", parent="a", child="b", frequency=5.0)},
    )
    rise = rise_of(observation(kinetic=np.linspace(0.0, 1.0, STEPS)), robot)
    assert rise.tolerance is None
    assert "soft" in rise.note


def test_momentum_from_nowhere_is_missed() -> None:
    still = observation()
    start = Observation(*(part[0] for part in still))
    assert all(measure.holds for measure in judge_momentum(still, start, TOLERANCES))
    drifting = still._replace(momentum=np.linspace(0.0, 1e-6, STEPS)[:, None] * np.ones(3))
    linear, angular = judge_momentum(drifting, start, TOLERANCES)
    assert not linear.holds
    assert angular.holds


def test_it_is_told_where_numbers_stop_being_finite() -> None:
    finite = np.ones((STEPS, 2), bool)
    assert count_broken(observation(finite=finite), ("a", "b")).holds
    finite[10:, 1] = False
    broken = count_broken(observation(finite=finite), ("a", "b"))
    assert not broken.holds
    assert "step 11" in broken.note
    assert "'b'" in broken.note


def test_a_robot_that_comes_apart_is_missed() -> None:
    # One sweep of the paper's solver a step cannot hold a heavy end on a light bar that is swung.
    def bar(parent: str, child: str, **options: Any) -> JointConfig:
        ends = {"child_face": [-1.0, 0.0, 0.0], "axis": [0.0, 1.0, 0.0]}
        return JointConfig(type="hinge", parent=parent, child=child, **ends, **options)

    robot = RobotConfig(
        name="whip",
        bodies={
            "bar": BodyConfig(shape="box", size=[0.3, 0.05, 0.05]),
            "end": BodyConfig(shape="box", size=[0.3, 0.05, 0.05], mass=50.0),
        },
        joints={
            "shoulder": bar("world", "bar"),
            "elbow": bar("bar", "end", parent_face=[1.0, 0.0, 0.0]),
        },
        motors={"swing": MotorConfig(joint="shoulder", type="velocity", max_force=100.0)},
    )
    config = replace(
        CheckConfig(robot=robot, check=CheckSettings(duration=1.0)),
        {"solver.kind": "pgs", "solver.iterations": 1},
    )
    trials = Trials(config, observe)
    motions = check_motion(trials, *trials.build(robot))
    assert not all(m.holds for m in motions.driven if m.name == "joint drift")
    assert motions.floating == []  # it is tied to the world


def test_a_ball_falls_bounces_and_floats_as_it_should() -> None:
    robot = ball_robot(position=[0.0, 0.0, 0.5], restitution=0.5)
    config = CheckConfig(robot=robot, check=CheckSettings(duration=2.0))
    trials = Trials(config, observe)
    motions = check_motion(trials, *trials.build(robot))
    assert motions.seconds == pytest.approx(2.0)
    assert len(motions.floating) == 3
    assert all(measure.holds for measure in motions.measures)
