"""Gradients are finite where a formula could divide by zero."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.world.world import Control, idle_control
from tests.gradients.compare import Scene, reverse
from tests.gradients.regimes import SINKING
from tests.worlds import RADIUS, RIGID, ball_robot, box_robot, build, spheres_robot, supported

AT_REST = {"position": [0.0, 0.0, RADIUS - SINKING]}
TOUCHING = {"position": [0.0, 0.0, RADIUS]}
MOVES = {"velocity": [1.0, 0.0, -1.0]}
SIDE = 2.0 * RADIUS

either_precision = pytest.mark.parametrize(
    "precision", ["float32", pytest.param("float64", marks=pytest.mark.slow)], indirect=True
)

BALLS: dict[str, dict[str, Any]] = {
    "at rest": AT_REST,
    "exactly touching": TOUCHING,
    "falling from rest": {"position": [0.0, 0.0, 1.0]},
    "centre on the ground": {},
    "touching and moving": TOUCHING | MOVES,
    "touching and sliding": TOUCHING | {"velocity": [1.0, 0.0, 0.0]},
    "at rest without friction": AT_REST | {"friction": 0.0},
    "sliding without friction": AT_REST | {"friction": 0.0, "velocity": [1.0, 0.0, 0.0]},
    "touching without friction": TOUCHING | {"friction": 0.0},
    "impact without rebound": TOUCHING | MOVES | {"restitution": 0.0},
    "impact without loss": TOUCHING | MOVES | {"restitution": 1.0},
    "at rest without loss": TOUCHING | {"restitution": 1.0},
    "undamped": AT_REST | {"contact_damping_ratio": 0.0},
}

PAIRS: dict[str, list[dict[str, Any]]] = {
    "coincident centres": [{}, {}],
    "coincident centres that part": [{}, {"velocity": [1.0, 0.0, 0.0]}],
    "exactly touching": [{}, {"position": [SIDE, 0.0, 0.0]}],
    "touching along y": [{}, {"position": [0.0, SIDE, 0.0]}],
    "touching and approaching": [{}, {"position": [SIDE, 0, 0], "velocity": [-1.0, 0.0, 0.0]}],
    "apart": [{}, {"position": [3.0 * SIDE, 0.0, 0.0]}],
}


def ball(was_supported: bool, **options: Any) -> Scene:
    world, state = build(ball_robot(axis=[1.0, 0.0, 0.0], **options), timestep=0.01)
    if was_supported:
        state = supported(world, state)
    return Scene(world, state, Control(jnp.zeros_like(world.thrusters.limit)))


def pair(bodies: list[dict[str, Any]], **options: Any) -> Scene:
    named = dict(zip(("first", "second"), bodies, strict=True))
    robot = spheres_robot(named, [("first", "second")], ground_contact=False, **options)
    world, state = build(robot, timestep=0.01)
    return Scene(world, state, idle_control(world))


def gradient(scene: Scene, steps: int = 1) -> Scene:
    """Of the sum of all numbers of the final state."""
    return reverse(scene, jax.tree.map(jnp.ones_like, scene.state), steps)


def not_finite(gradient: Scene) -> list[str]:
    leaves = jax.tree_util.tree_leaves_with_path(gradient)
    return [jax.tree_util.keystr(path) for path, leaf in leaves if not np.all(np.isfinite(leaf))]


def without_timestep(gradient: Scene) -> Scene:
    zero = jnp.zeros_like(gradient.world.timestep)
    return gradient._replace(world=dataclasses.replace(gradient.world, timestep=zero))


@either_precision
@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize("was_supported", [True, False])
@pytest.mark.parametrize("case", BALLS)
def test_the_gradient_of_a_step_of_a_ball_is_finite(case: str, was_supported: bool) -> None:
    assert not_finite(gradient(ball(was_supported, **BALLS[case]))) == []


@either_precision
@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize("was_supported", [True, False])
@pytest.mark.parametrize("case", BALLS)
def test_a_rigid_contact_has_a_finite_gradient(case: str, was_supported: bool) -> None:
    scene = ball(was_supported, **BALLS[case], contact_frequency=RIGID)
    assert not_finite(without_timestep(gradient(scene))) == []


@pytest.mark.parametrize("case", ["at rest", "falling from rest"])
def test_a_rigid_contact_has_a_finite_gradient_for_the_timestep(case: str) -> None:
    scene = ball(True, **BALLS[case], contact_frequency=RIGID)
    assert np.isfinite(gradient(scene).world.timestep)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", BALLS)
def test_the_gradient_of_a_hundred_steps_is_finite(case: str) -> None:
    assert not_finite(gradient(ball(True, **BALLS[case]), steps=100)) == []


@either_precision
@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize("friction", [0.0, 0.5])
@pytest.mark.parametrize("case", PAIRS)
def test_the_gradient_of_a_step_of_two_spheres_is_finite(case: str, friction: float) -> None:
    assert not_finite(gradient(pair(PAIRS[case], friction=friction))) == []


@either_precision
@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize("spin", [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [1.0, 2.0, 3.0]])
def test_the_gradient_of_a_step_of_a_box_is_finite(spin: list[float]) -> None:
    world, state = build(box_robot(angular_velocity=spin), timestep=0.01)
    assert not_finite(gradient(Scene(world, state, idle_control(world)))) == []
