"""Robots from names, files and mappings, without a command line."""

from __future__ import annotations

import numpy as np
import pytest

from diffsim.cli.configuration import compose_bench_config
from diffsim.robots.check import check_robot
from diffsim.robots.load import load_robot
from diffsim.validation import ConfigError
from tests.robots_in_package import ARTICULATED, robot_config

BALL = {"name": "mine", "bodies": {"ball": {"shape": "sphere", "radius": 0.2}}}


@pytest.mark.parametrize("name", ["ball", *ARTICULATED])
def test_the_packages_robots_are_those_of_the_command_line(name):
    assert load_robot(name) == robot_config(name)


def test_a_file_or_a_mapping(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nbodies: {ball: {shape: sphere, radius: 0.2}}\n")
    assert load_robot(path) == load_robot(str(path)) == load_robot(BALL)
    assert load_robot(BALL).bodies["ball"].radius == 0.2


def test_a_file_builds_on_others_as_on_the_command_line(tmp_path):
    folder = tmp_path / "robot"
    folder.mkdir()
    (folder / "heavy.yaml").write_text(
        "defaults: [quadruped, _self_]\nname: heavy\nbodies: {spine: {density: 2000.0}}\n"
    )
    (folder / "icy.yaml").write_text("defaults: [heavy]\nname: icy\nfriction: 0.1\n")
    robot = load_robot(folder / "icy.yaml")
    assert (robot.name, robot.friction, robot.bodies["spine"].density) == ("icy", 0.1, 2000.0)
    assert robot.motors == load_robot("quadruped").motors
    config = compose_bench_config("robot=icy", f"hydra.searchpath=[file://{tmp_path}]")
    assert robot == config.robot


@pytest.mark.parametrize(
    ("defaults", "says"),
    [
        ("[quadrupet]", "defaults must name robots' files .*, got 'quadrupet'"),
        ("[mine]", "do not build on this one, got 'mine'"),
        ("[other]", "do not build on this one, got 'mine'"),
        ("quadruped", "defaults must be a list of robots' files and _self_, got quadruped"),
        ("[{solver: pgs}]", "defaults must be a list of robots' files and _self_"),
    ],
)
def test_a_file_that_builds_on_what_is_not_there_is_refused(defaults, says, tmp_path):
    (tmp_path / "mine.yaml").write_text(f"defaults: {defaults}\nname: mine\n")
    (tmp_path / "other.yaml").write_text("defaults: [mine]\n")
    with pytest.raises(ConfigError, match=says):
        load_robot(tmp_path / "mine.yaml")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("quadrupet", "robot must be a file or one of arm, ball, .*, got 'quadrupet'"),
        ("nothing.yaml", r"robot: .*nothing\.yaml"),
        ({"name": "x", "bodis": {}}, "robot: .*bodis"),
        ({"name": "x", "friction": "rough"}, "robot: .*rough"),
        ({"name": "x", "friction": -1}, r"robot\.friction must be >= 0, got -1"),
        ({"name": "x", "bodies": {}}, r"robot\.bodies must"),
    ],
)
def test_what_cannot_be_loaded_is_named(source, says):
    with pytest.raises(ConfigError, match=says) as error:
        load_robot(source)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("bodies: {no: {}}", "names in robot.bodies must be texts, got False: quote it, as 'no'"),
        ("bodies: {1: {}}", "names in robot.bodies must be texts .*, got 1: quote it, as 'n1'"),
        ("joints: {yes: {}}", "names in robot.joints must be texts, got True: quote it, as 'yes'"),
        ("motors: {1.5: {}}", "names in robot.motors must be texts .*, got 1.5: quote it"),
        ("sensors: {null: {}}", "names in robot.sensors must be texts .*, got None: quote it"),
        ("contact_pairs: [[a, off]]", r"robot.contact_pairs\[0\] must be a text, got False: quote"),
        (
            "bodies: {'no': {shape: sphere, radius: 1}}\nsensors: {s: {type: position, body: no}}",
            "robot.sensors.s.body must be one of no, got 'False': quote it, as 'no'",
        ),
    ],
)
def test_names_that_yaml_reads_as_something_else_are_to_be_quoted(text, says, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: mine\n{text}\n")
    with pytest.raises(ConfigError, match=says) as error:
        load_robot(path)
    assert "\n" not in str(error.value)


def test_names_of_a_mapping_are_to_be_texts():
    for name in (False, 1, np.int64(1)):
        with pytest.raises(ConfigError, match=r"names in robot\.bodies must be texts"):
            load_robot({"name": "mine", "bodies": {name: BALL["bodies"]["ball"]}})
    robot = load_robot(BALL)
    robot.bodies[1] = robot.bodies["ball"]
    with pytest.raises(ConfigError, match=r"names in robot\.bodies must be texts .*, got 1"):
        check_robot(robot)


@pytest.mark.parametrize(
    ("key", "value", "same"),
    [
        ("radius", np.float64(0.3), 0.3),
        ("radius", np.array(0.3), 0.3),
        ("mass", np.int64(2), 2.0),
        ("position", np.array([0.0, 1.0, 2.0]), [0.0, 1.0, 2.0]),
        ("position", [np.float64(0.0), np.int32(1), 2], [0.0, 1.0, 2.0]),
        ("position", (0, 1, 2), [0.0, 1.0, 2.0]),
        ("ground_contact", np.bool_(False), False),
        ("shape", np.str_("sphere"), "sphere"),
    ],
)
def test_a_mapping_may_have_numpys_numbers(key, value, same):
    mine = {"name": "mine", "bodies": {"ball": BALL["bodies"]["ball"] | {key: value}}}
    found = getattr(load_robot(mine).bodies["ball"], key)
    assert found == same
    assert type(found) is type(same)


def test_numpys_numbers_are_checked_as_all_others():
    mine = {"name": "mine", "friction": np.float64(-1.0), "bodies": BALL["bodies"]}
    with pytest.raises(ConfigError, match=r"robot\.friction must be >= 0, got -1"):
        load_robot(mine)
