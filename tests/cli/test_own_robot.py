"""A user adds a robot from a folder of their own, without Python."""

from __future__ import annotations

import json

import pytest

from tests.commands import diffsim_run, run_folders

ROBOT = """
name: pair
friction: 0.8
bodies:
  ball:
    shape: sphere
    radius: 0.3
    mass: 2.0
    position: [0.0, 0.0, 0.3]
  crate:
    shape: box
    size: [0.2, 0.3, 0.4]
    position: [0.0, 2.0, 5.0]
  other:
    shape: sphere
    radius: 0.2
    position: [1.0, 0.0, 0.2]
contact_pairs: [[ball, other]]
thrusters:
  push: {body: ball, axis: [1.0, 0.0, 0.0], limit: 5.0}
sensors:
  where: {type: position, body: ball}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine" / "robot").mkdir(parents=True)
    (tmp_path / "mine" / "robot" / "pair.yaml").write_text(ROBOT)
    return tmp_path


def test_it_runs_with_one_number_overridden(folder):
    done = diffsim_run(
        *("--config-dir", "mine", "robot=pair", "robot.friction=0.5"),
        *("controller=linear", "variables=controller"),
        *("task.duration=0.5", "optimizer.iterations=3"),
        folder=folder,
    )
    assert done.returncode == 0, done.stderr
    (run,) = run_folders(folder)
    robot = json.loads((run / "manifest.json").read_text())["config"]["robot"]
    assert robot["friction"] == 0.5
    assert list(robot["bodies"]) == ["ball", "crate", "other"]


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("robot.contact_pairs=[[ball,cube]]", ("robot.contact_pairs[0]", "'cube'", "other")),
        ("robot.contact_pairs=[[ball,crate]]", ("robot.contact_pairs[0]", "'crate'", "spheres")),
        ("robot.contact_pairs=[[ball,ball]]", ("robot.contact_pairs[0]", "different")),
        ("robot.thrusters.push.body=bal", ("robot.thrusters.push.body", "'bal'", "ball")),
        ("robot.thrusters.push.axis=[0,0,0]", ("robot.thrusters.push.axis", "zero")),
        ("robot.thrusters.push.limit=0", ("robot.thrusters.push.limit", "> 0")),
        ("robot.sensors.where.type=smell", ("robot.sensors.where.type", "'smell'", "velocity")),
        ("robot.bodies.crate.size=null", ("robot.bodies.crate.size",)),
        ("task.body=crate", ("task.body", "'crate'", "sphere")),
    ],
)
def test_an_error_in_it_is_one_clear_line(folder, override, says):
    done = diffsim_run("--config-dir", "mine", "robot=pair", override, folder=folder)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    for part in says:
        assert part in done.stderr
