"""Robots from names, files and mappings, without a command line."""

from __future__ import annotations

import pytest

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
