"""A user adds a robot from a folder of their own, without Python."""

from __future__ import annotations

import json

import pytest
import yaml

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

LEG = """
name: leg
bodies:
  base: {shape: box, size: [0.4, 0.3, 0.1], position: [0.0, 0.0, 0.6]}
  shank: {shape: box, size: [0.05, 0.05, 0.3]}
  foot: {shape: sphere, radius: 0.05}
joints:
  hip: {type: hinge, parent: base, child: shank, axis: [0.0, 1.0, 0.0]}
  ankle: {type: fixed, parent: shank, child: foot, parent_face: [0.0, 0.0, -1.0]}
motors:
  hip: {joint: hip, gain: 20.0, max_force: 5.0}
"""

RECIPE = """
# @package _global_
defaults:
  - /task: throw
  - /controller: linear
  - /variables: controller
  - _self_
  - optional optimizer: pair_${optimizer}
task: {duration: 2.0}
"""

THROWN = ("task=throw", "variables=launch")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine" / "robot").mkdir(parents=True)
    (tmp_path / "mine" / "robot" / "pair.yaml").write_text(ROBOT)
    return tmp_path


@pytest.mark.slow
def test_it_runs_with_one_number_overridden(folder):
    done = diffsim_run(
        *("--config-dir", "mine", "robot=pair", "robot.friction=0.5"),
        *("task=throw", "controller=linear", "variables=controller"),
        *("task.duration=0.5", "optimizer=cmaes", "optimizer.iterations=3"),
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
        ("robot.contact_pairs=[[ball,crate]]", ("robot.contact_pairs[0]", "'crate'", "can touch")),
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
    done = diffsim_run("--config-dir", "mine", "robot=pair", *THROWN, override, folder=folder)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    for part in says:
        assert part in done.stderr


@pytest.mark.parametrize(
    ("text", "mutation", "says"),
    [
        ("parent: shank", "parent: shin", ("joints.ankle.parent", "'shin'", "shank")),
        (
            "joints:",
            "joints:\n  back: {type: hinge, parent: foot, child: base}",
            ("robot.joints", "ring", "back", "closes_loop"),
        ),
        ("radius: 0.05", "radius: 0.05, mass: 0.0", ("bodies.foot.mass", "> 0", "0.0")),
        ("axis: [0.0, 1.0, 0.0]", "axis: [0, 0, 0]", ("joints.hip.axis", "zero")),
        ("  foot: {shape", "  shank: {shape", ("duplicate key shank", "line 6")),
    ],
    ids=["unknown parent", "cycle", "mass", "axis", "duplicate name"],
)
def test_an_error_in_a_joint_names_the_file_and_the_key(tmp_path, text, mutation, says):
    (tmp_path / "robot").mkdir()
    (tmp_path / "robot" / "leg.yaml").write_text(LEG.replace(text, mutation, 1))
    done = diffsim_run("--config-dir", ".", "robot=leg", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    for part in (str(tmp_path / "robot" / "leg.yaml"), *says):
        assert part in done.stderr, done.stderr


def test_a_value_from_the_command_line_is_not_blamed_on_the_file(tmp_path):
    (tmp_path / "robot").mkdir()
    (tmp_path / "robot" / "leg.yaml").write_text(LEG)
    override = "robot.bodies.foot.radius=-1"
    done = diffsim_run("--config-dir", ".", "robot=leg", override, folder=tmp_path)
    assert done.returncode == 2
    assert "robot.bodies.foot.radius must be > 0" in done.stderr
    assert "leg.yaml" not in done.stderr


def test_what_has_to_be_chosen_is_one_line_with_what_fits(folder):
    done = diffsim_run("--config-dir", "mine", "robot=pair", folder=folder)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    for part in (
        "task must be chosen for robot=pair, which has no recipe: ",
        "task=throw or task=gait|reach_fixed|reach_random with task.body=ball|crate|other",
        "variables=controller with controller=dense|linear|recurrent|table",
    ):
        assert part in done.stderr, done.stderr
    assert not list(folder.glob("outputs/*/*"))


def test_a_recipe_of_its_own_is_enough(folder):
    (folder / "mine" / "recipe").mkdir()
    (folder / "mine" / "recipe" / "pair.yaml").write_text(RECIPE.lstrip())
    settings = folder / "mine" / "recipe" / "optimizer" / "pair_adam.yaml"
    settings.parent.mkdir()
    settings.write_text("# @package optimizer\nlearning_rate: 0.02\n")
    own = ("--config-dir", "mine", "--cfg", "job", "robot=pair")
    config = yaml.safe_load(diffsim_run(*own, folder=folder).stdout)
    assert config["task"]["duration"] == 2.0
    assert config["controller"]["kind"] == "linear"
    assert config["optimizer"]["learning_rate"] == 0.02
    config = yaml.safe_load(diffsim_run(*own, "optimizer=cmaes", folder=folder).stdout)
    assert config["optimizer"]["sigma"] == 0.1


def test_an_error_in_a_recipe_names_its_file(folder):
    path = folder / "mine" / "recipe" / "pair.yaml"
    path.parent.mkdir()
    path.write_text(RECIPE.lstrip().replace("duration: 2.0", "duration: -2.0"))
    done = diffsim_run("--config-dir", "mine", "robot=pair", folder=folder)
    assert done.returncode == 2
    assert f"{path}: task.duration must be > 0" in done.stderr


def test_a_name_that_yaml_reads_as_something_else_is_to_be_quoted(tmp_path):
    (tmp_path / "robot").mkdir()
    (tmp_path / "robot" / "leg.yaml").write_text(LEG.replace("  hip: {type", "  on: {type", 1))
    done = diffsim_run("--config-dir", ".", "robot=leg", folder=tmp_path)
    assert done.returncode == 2
    says = "names in robot.joints must be texts, got True: quote it, as 'yes'"
    assert done.stderr == f"diffsim-run: error: {says}\n"
