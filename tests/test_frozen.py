"""Configs stay as they are: another one is made by ``replace``."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

import diffsim
from diffsim.cli.configuration import compose_config


def test_no_field_of_a_config_can_be_set_anew() -> None:
    config = compose_config("robot=ball")
    ball = config.robot.bodies["ball"]
    for node, name in ((config, "seed"), (config.task, "duration"), (ball, "radius")):
        with pytest.raises(dataclasses.FrozenInstanceError, match=f"{name} of a .* stays as it is"):
            setattr(node, name, 1.0)
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(node, name)


def test_every_config_of_a_run_is_frozen() -> None:
    """Those of tasks, controllers and optimisers, too; so are those of a user's own."""

    def walk(node: object) -> None:
        if dataclasses.is_dataclass(node):
            for field in dataclasses.fields(node):
                with pytest.raises(dataclasses.FrozenInstanceError):
                    setattr(node, field.name, None)
                walk(getattr(node, field.name))
        elif isinstance(node, dict):
            for value in node.values():
                walk(value)

    for experiment in ("ball_lm", "pendulum_camera", "quadruped_gait_cmaes", "arm_random"):
        walk(compose_config(f"experiment={experiment}"))


def test_other_values_make_another_config() -> None:
    config = compose_config("robot=ball")
    other = diffsim.replace(config, {"robot.bodies.ball.radius": 0.2, "seed": 3})
    assert (other.robot.bodies["ball"].radius, other.seed) == (0.2, 3)
    assert (config.robot.bodies["ball"].radius, config.seed) == (0.5, 0)
    assert copy.deepcopy(other) == other == pickle.loads(pickle.dumps(other))
