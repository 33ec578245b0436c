"""A robot alone is enough: its recipe chooses what the command does not."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from diffsim.cli.configuration import compose_config
from diffsim.cli.recipes import choices_in_words
from diffsim.experiment.check import check_run
from diffsim.experiment.manifest import restore_config
from diffsim.experiment.runner import run
from diffsim.robots.replace import replace
from diffsim.validation import ConfigError
from tests.commands import diffsim_run, run_folders

CONF = Path(__file__).parents[2] / "conf"
ROBOTS = sorted(path.stem for path in (CONF / "robot").glob("*.yaml"))
OPTIMIZERS = ("adam", "cmaes", "sgd")
CONTROLLERS = ("linear", "dense", "recurrent", "table")
OTHER_TASKS = {
    "arm": ("reach_random", "gait task.body=forearm"),
    "ball": ("gait task.body=ball", "reach_fixed task.body=ball"),
    "cartpole": ("balance", "gait task.body=cart", "reach_random task.body=weight"),
    "quadruped": ("reach_random task.body=spine", "throw task.body=foot_front_left"),
    "quadruped_table1": ("reach_fixed task.body=spine",),
}
SHORT = ("optimizer.iterations=2", "task.duration=0.1", "device=cpu")


def composed(*overrides: str) -> dict[str, object]:
    return dataclasses.asdict(compose_config(*overrides))


def slow_but_for_the_ball(optimizers: tuple[str, ...], quick: tuple[str, ...]) -> list[object]:
    """Robots with optimisers, of which only some of the ball's are ``quick`` to compile."""
    return [
        pytest.param(
            robot,
            optimizer,
            marks=[]
            if robot == "ball" and optimizer in quick
            else [pytest.mark.slow, pytest.mark.timeout(1200)],
        )
        for robot in ROBOTS
        for optimizer in optimizers
    ]


def test_every_robot_has_a_recipe():
    assert {path.stem for path in (CONF / "recipe").glob("*.yaml")} == {*ROBOTS, "none"}


@pytest.mark.parametrize("robot", ROBOTS)
def test_a_robot_alone_is_enough(robot):
    check_run(compose_config(f"robot={robot}"))


@pytest.mark.parametrize("robot", ROBOTS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_fits_every_robot(robot, optimizer):
    check_run(compose_config(f"robot={robot}", f"optimizer={optimizer}"))


@pytest.mark.parametrize("robot", ROBOTS)
@pytest.mark.parametrize("controller", CONTROLLERS)
def test_every_controller_fits_every_robot(robot, controller):
    config = compose_config(f"robot={robot}", f"controller={controller}")
    check_run(config)
    assert config.controller.kind == controller


@pytest.mark.parametrize(
    ("robot", "task"), [(robot, task) for robot in ROBOTS for task in OTHER_TASKS[robot]]
)
def test_another_task_can_be_chosen(robot, task):
    for optimizer in ("adam", "cmaes"):
        config = compose_config(f"robot={robot}", *f"task={task}".split(), f"optimizer={optimizer}")
        check_run(config)


def test_the_camera_of_the_cartpole_is_found():
    check_run(compose_config("robot=cartpole", "controller=convolutional"))


def test_the_quadruped_is_the_gait():
    found, preset = (
        composed(*overrides)
        for overrides in (("robot=quadruped", "optimizer=adam"), ("experiment=quadruped_gait",))
    )
    assert found.pop("name") == "quadruped_adam"
    assert preset.pop("name") == "quadruped_gait"
    assert found == preset
    assert found["robot"]["max_force"] == 60.0
    assert found["note"] == "motors of 60.0 N·m; the paper's robot has 4 N·m"


@pytest.mark.parametrize(
    ("overrides", "preset"),
    [
        (("robot=quadruped", "optimizer=cmaes"), "quadruped_gait_cmaes"),
        (("robot=arm",), "arm_fixed"),
        (("robot=arm", "optimizer=cmaes"), "arm_fixed_cmaes"),
        (("robot=cartpole",), "swing_up"),
        (("robot=ball", "optimizer=lm"), "ball_lm"),
        ((), "ball_adam"),
    ],
)
def test_a_robot_is_what_its_preset_is(overrides, preset):
    found, expected = composed(*overrides), composed(f"experiment={preset}")
    assert {**found, "name": preset} == expected


def test_what_the_command_chooses_wins():
    config = compose_config(
        *("robot=quadruped", "robot.max_force=30", "controller.skip=false"),
        *("optimizer.learning_rate=0.01", "stop_on_success=true", "task.duration=4"),
    )
    assert config.robot.max_force == 30.0
    assert config.note.startswith("motors of 30.0 N·m")
    assert config.controller.skip is False
    assert config.optimizer.learning_rate == 0.01
    assert config.stop_on_success is True
    assert config.task.duration == 4.0


def test_a_preset_wins_over_a_recipe():
    config = compose_config("experiment=pendulum_state")
    assert config.task.practice  # of task=balance
    assert config.optimizer.learning_rate == 0.003
    assert config.robot.motors["drive"].type == "velocity"


def test_settings_of_one_optimizer_stay_out_of_another():
    options = {
        name: compose_config("robot=quadruped", f"optimizer={name}").optimizer.options
        for name in ("adam", "sgd")
    }
    assert options == {"adam": {"b1": 0.9, "b2": 0.999}, "sgd": {"momentum": 0.9}}
    assert compose_config("optimizer=sgd").optimizer.options == {"momentum": 0.9}


def test_without_a_recipe_settings_are_those_for_a_net():
    config = compose_config("recipe=none", "task=throw", "variables=launch")
    assert config.optimizer.learning_rate == 0.001
    assert config.optimizer.clip_norm == 1.0


def test_what_is_usual_is_told():
    assert told("robot=quadruped", "optimizer=adam") == (
        "robot=quadruped optimizer=adam; "
        "as usual for this robot: task=gait controller=dense variables=controller"
    )
    assert told("robot=arm", "controller=table", "task=reach_random") == (
        "robot=arm task=reach_random controller=table optimizer=adam; "
        "as usual for this robot: variables=controller"
    )
    assert told("experiment=pendulum_camera").startswith(
        "experiment=pendulum_camera robot=cartpole task=balance controller=convolutional "
    )
    chosen = ("task=throw", "controller=none", "variables=launch")
    assert told("robot=ball", *chosen) == f"robot=ball {' '.join(chosen)} optimizer=adam"


def told(*overrides: str) -> str:
    compose_config(*overrides)
    return choices_in_words()


def test_it_is_told_at_the_start_and_kept_in_the_manifest(tmp_path):
    note = "note='lighter [than] the paper'"
    done = diffsim_run("optimizer=cmaes", *SHORT, note, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "robot=ball optimizer=cmaes; as usual for this robot: task=throw controller=none "
        "variables=launch\nlighter [than] the paper\n"
    )
    (folder,) = run_folders(tmp_path)
    assert '"note": "lighter [than] the paper"' in (folder / "manifest.json").read_text()


def test_a_manifest_without_a_note_is_read():
    config = compose_config("robot=quadruped")
    data = copy.deepcopy(dataclasses.asdict(config))
    del data["note"]
    restored = restore_config(data)
    assert restored.note == ""
    assert restored == config  # so that it is the same run, which can go on


@pytest.mark.parametrize("robot", [robot for robot in ROBOTS if robot != "ball"])
def test_least_squares_need_residuals(robot):
    with pytest.raises(ConfigError, match="optimizer=lm needs a task whose loss is a sum of squ"):
        check_run(compose_config(f"robot={robot}", "optimizer=lm"))


@pytest.mark.parametrize(
    ("override", "missing", "says"),
    [
        ("task=throw", "variables", "variables=launch or numbers of the robot"),
        ("variables=launch", "task", "task=gait|reach_fixed|reach_random|throw"),
        ("task.duration=3", "task", "task=gait|reach_fixed|reach_random"),
    ],
)
def test_without_a_recipe_what_is_missing_is_told(override, missing, says):
    with pytest.raises(ConfigError, match=f"^{missing} must be chosen for robot=ball") as error:
        compose_config("recipe=none", override)
    assert says.split("|")[0] in str(error.value)
    assert "controller=" not in str(error.value)  # it has no motors


@pytest.mark.parametrize(("robot", "optimizer"), slow_but_for_the_ball(OPTIMIZERS, ("adam",)))
def test_every_robot_takes_two_steps(robot, optimizer, tmp_path):
    config = compose_config(f"robot={robot}", f"optimizer={optimizer}", "batch=1", *SHORT)
    take_two_steps(config, tmp_path)


def test_the_ball_takes_two_steps_of_least_squares(tmp_path):
    take_two_steps(compose_config("optimizer=lm", *SHORT), tmp_path)


def take_two_steps(config, folder):
    if config.task.kind == "reach":
        config = replace(config, {"task.measure_after": None})
    check_run(config)
    result = run(config, folder, Console(quiet=True))
    assert result.iterations == 2
    assert np.isfinite(result.loss)


@pytest.mark.parametrize(
    ("robot", "optimizer"), slow_but_for_the_ball(("adam", "cmaes"), ("adam",))
)
def test_every_robot_can_be_swept(robot, optimizer, tmp_path):
    done = diffsim_run(
        *("-m", f"robot={robot}", f"optimizer={optimizer}", "seed=0,1", *SHORT),
        *(("task.measure_after=null",) if robot in ("arm", "cartpole") else ()),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "2 of 2 jobs are finished" in done.stdout
