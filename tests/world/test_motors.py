"""Thrusters: forces and torques along axes fixed in the body, within their limits."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.robots.config import ThrusterConfig
from diffsim.world.motors import thruster_wrench
from diffsim.world.world import State, World
from tests.worlds import build, spheres_robot

# A rotation and a product in float32.
TOLERANCE = 1e-5

# A quarter turn about z: the body's x axis points along y.
QUARTER = [0.5**0.5, 0.0, 0.0, 0.5**0.5]


def two_bodies(**thrusters: dict[str, Any]) -> tuple[World, State]:
    made = {
        name: ThrusterConfig(**{"limit": 10.0, "axis": [1.0, 0.0, 0.0], **options})
        for name, options in thrusters.items()
    }
    return build(spheres_robot({"a": {"orientation": QUARTER}, "b": {}}, thrusters=made))


def wrench(world: World, state: State, command: list[float]) -> tuple[np.ndarray, np.ndarray]:
    force, torque = thruster_wrench(world.thrusters, state.pose.rotation, jnp.array(command))
    return np.asarray(force.stack()), np.asarray(torque.stack())


def test_a_force_turns_with_its_body() -> None:
    force, torque = wrench(*two_bodies(push={"body": "a"}), [3.0])
    np.testing.assert_allclose(force, [[0.0, 3.0, 0.0], [0.0, 0.0, 0.0]], atol=TOLERANCE)
    np.testing.assert_array_equal(torque, np.zeros((2, 3)))


def test_a_torque_turns_with_its_body() -> None:
    force, torque = wrench(*two_bodies(twist={"body": "a", "type": "torque"}), [3.0])
    np.testing.assert_allclose(torque, [[0.0, 3.0, 0.0], [0.0, 0.0, 0.0]], atol=TOLERANCE)
    np.testing.assert_array_equal(force, np.zeros((2, 3)))


def test_thrusters_on_one_body_add_up() -> None:
    world, state = two_bodies(
        first={"body": "b"},
        twist={"body": "b", "type": "torque", "axis": [0.0, 0.0, 1.0]},
        second={"body": "b", "axis": [0.0, 2.0, 0.0]},
    )
    force, torque = wrench(world, state, [1.0, 2.0, -3.0])
    np.testing.assert_allclose(force, [[0.0, 0.0, 0.0], [1.0, -3.0, 0.0]], atol=TOLERANCE)
    np.testing.assert_allclose(torque, [[0.0, 0.0, 0.0], [0.0, 0.0, 2.0]], atol=TOLERANCE)


@pytest.mark.parametrize(("command", "thrust"), [(12.0, 10.0), (-12.0, -10.0), (9.0, 9.0)])
def test_a_command_beyond_the_limit_is_clipped(command: float, thrust: float) -> None:
    force, _ = wrench(*two_bodies(push={"body": "b"}), [command])
    np.testing.assert_allclose(force[1], [thrust, 0.0, 0.0], atol=TOLERANCE)


@pytest.mark.parametrize(("command", "slope"), [(12.0, 0.0), (-12.0, 0.0), (9.0, 1.0)])
def test_a_clipped_command_has_no_gradient(command: float, slope: float) -> None:
    world, state = two_bodies(push={"body": "b"})

    def force_on_b(thrust: jax.Array) -> jax.Array:
        return thruster_wrench(world.thrusters, state.pose.rotation, thrust)[0].x[1]

    assert float(jax.grad(force_on_b)(jnp.array([command]))[0]) == slope


def test_without_thrusters_there_is_no_wrench() -> None:
    force, torque = wrench(*two_bodies(), [])
    np.testing.assert_array_equal(force, np.zeros((2, 3)))
    np.testing.assert_array_equal(torque, np.zeros((2, 3)))
