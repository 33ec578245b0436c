"""Other numbers in a config."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import pytest

import diffsim
from diffsim.validation import ConfigError
from tests.robots_in_package import robot_config


def test_numbers_and_lists_are_replaced_and_the_original_stays() -> None:
    robot = robot_config("cartpole")
    before = dataclasses.asdict(robot)
    changed = diffsim.replace(
        robot, {"bodies.bar.size.2": 0.7, "friction": 0.3, "joints.pivot.position": [0.1]}
    )
    assert changed.bodies["bar"].size == [0.07, 0.1, 0.7]
    assert (changed.friction, changed.joints["pivot"].position) == (0.3, [0.1])
    assert dataclasses.asdict(robot) == before


def test_a_value_may_be_traced() -> None:
    robot = robot_config("ball")

    def mass(radius: jax.Array) -> jax.Array:
        changed = diffsim.replace(robot, {"bodies.ball.radius": radius})
        return diffsim.build_world(changed, [0.0, 0.0, -9.81], 0.01).bodies.mass[0]

    found = mass(jnp.asarray(0.5))
    assert float(jax.grad(mass)(0.5)) in (0.0, pytest.approx(3.0 * float(found) / 0.5, rel=1e-4))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("bodies.bal.mass", r"bodies\.bal\.mass must exist, got 'bal' out of ball"),
        ("bodies.ball.velocity.3", r"must exist, got '3' out of 0, 1, 2"),
        ("friction.0", r"friction\.0 must end before '0'"),
    ],
)
def test_keys_that_do_not_exist_are_named(key: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        diffsim.replace(robot_config("ball"), {key: 1.0})
