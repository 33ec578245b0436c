"""``diffsim-check`` as a user sees it: what it prints, its exit codes, that it writes nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.commands import diffsim_check

ROBOT = """
name: drone
bodies:
  hull: {shape: box, size: [0.3, 0.2, 0.1], position: [0.0, 0.0, 1.0]}
  keel: {shape: sphere, radius: 0.1}
joints:
  spring: {type: slider, parent: hull, child: keel, lower: [-0.1], upper: [0.1]}
motors:
  pump: {joint: spring, type: torque, max_force: 20.0}
thrusters:
  lift: {body: hull, axis: [0.0, 0.0, 1.0], limit: 30.0}
sensors:
  tilt: {type: imu, body: hull, components: wx wy}
  depth: {type: joint_position, joint: spring}
"""
LIST_ONLY = ("check.motion=false", "check.gradients=false")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine" / "robot").mkdir(parents=True)
    (tmp_path / "mine" / "robot" / "drone.yaml").write_text(ROBOT)
    return tmp_path


def rows(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    """The words of every line."""
    return [line.split() for line in done.stdout.splitlines()]


def test_a_robot_that_comes_with_diffsim_holds(tmp_path: Path) -> None:
    done = diffsim_check("robot=ball", "device=cpu", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith("all tolerances hold")
    for heading in ("motion over 10 s", "gradient over 20 steps", "total mass: 523.6 kg"):
        assert heading in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cartpole", "arm", "quadruped", "quadruped_table1"])
def test_so_do_those_with_joints(name: str, tmp_path: Path) -> None:
    done = diffsim_check(f"robot={name}", "device=cpu", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_sensors_and_actuators_of_an_own_robot_are_listed_in_order(folder: Path) -> None:
    done = diffsim_check("--config-dir", "mine", "robot=drone", *LIST_ONLY, folder=folder)
    assert done.returncode == 0, done.stderr
    found = rows(done)
    assert ["0", "to", "1", "tilt.(wx", "wy)", "rad/s"] in found
    assert ["2", "depth", "m"] in found
    assert ["0", "lift", "force", "hull", "N", "-30", "to", "30", "30", "N"] in found
    assert ["1", "pump", "torque", "motor", "spring", "N", "any", "20", "N"] in found
    assert ["bodies", "2", "2"] in found
    assert ["degrees", "of", "freedom:", "7"] in found


def test_a_tolerance_that_is_missed_is_told_and_the_exit_code_is_1(tmp_path: Path) -> None:
    done = diffsim_check(
        *("robot=ball", "device=cpu", "check.gradients=false", "check.duration=1"),
        "check.tolerances.angular_momentum=1e-30",  # below round-off
        folder=tmp_path,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith("missed: floating motion: change of angular momentum")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("robot=bal",), ("robot/bal", "cartpole")),
        (("check.duration=-1",), ("check.duration", "> 0", "-1")),
        (("check.duration=0.001",), ("simulation.dt", "check.duration", "0.01")),
        (("check.tolerances.drft=1",), ("check.tolerances.drft", "drift")),
        (("check.tolerances.energy=nan",), ("check.tolerances.energy", "nan")),
        (("robot=ball", "robot.bodies.ball.radius=0"), ("robot.bodies.ball.radius", "> 0")),
        (("simulation.dt=0.05",), ("robot.motors.shoulder_front_left.gain", "20", "50.0")),
        (("task=throw",), ("task",)),
        (("-m", "robot=ball,arm"), ("--multirun",)),
    ],
    ids=lambda value: " ".join(value),
)
def test_bad_input_is_told_in_one_line(
    arguments: tuple[str, ...], says: tuple[str, ...], tmp_path: Path
) -> None:
    done = diffsim_check(*arguments, folder=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("diffsim-check: error: ")
    for part in says:
        assert part in done.stderr
    assert not list(tmp_path.iterdir())
