"""Reverse mode = central differences over a hundred steps of articulated robots, and in walking."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.robots.replace import replace
from diffsim.world.world import Control, State
from tests.gradients.compare import SCALES, Scene, leaf_names
from tests.gradients.lanes import (
    differences,
    finals,
    flatten_lanes,
    jacobian_in_lanes,
    path_names,
    pull_back,
    repeat,
    trajectory,
    unflatten_lanes,
    worst,
)
from tests.gradients.mechanisms import (
    AWAY_FROM_SWITCHES,
    LEGS,
    REGIMES,
    STANCE,
    TIMESTEP,
    build_scene,
    placeholders,
    scene_of,
    walker,
)
from tests.robots_in_package import robot_config
from tests.worlds import with_motion

pytestmark = pytest.mark.usefixtures("float64")

STEPS = 100
# The requirement, away from switches.
TOLERANCE = 1e-4
# The requirement for walking, where some of the perturbed trajectories cross a switch.
COSINE = 0.999
# So that few do, in units of the inputs' scales.
SMALL_DIFFERENCE = 1e-7

# The others compile for a quarter of a minute each.
QUICK = ("wrist", "pendulum")
EVERY_MECHANISM = [
    pytest.param(*found, marks=[] if found[0] in QUICK else [pytest.mark.slow])
    for found in AWAY_FROM_SWITCHES
]


@pytest.mark.parametrize(("robot", "regime"), EVERY_MECHANISM)
def test_gradients_over_a_hundred_steps_agree(robot: str, regime: str) -> None:
    scene = scene_of(REGIMES[robot][regime])
    result = jacobian_in_lanes(scene, STEPS)
    assert worst(result, TOLERANCE, ignored=placeholders(scene.world)) == []


class Comparison(NamedTuple):
    """Of the trunk's final position along x, by kinds of inputs."""

    reverse: dict[str, np.ndarray]
    differences: dict[str, np.ndarray]


def compare(start: Scene, commands: np.ndarray) -> Comparison:
    """With respect to all commands, the state and the world they start from."""
    scenes = trajectory(start, commands)
    final = scenes[-1].state
    one = jax.tree.map(np.zeros_like, repeat(final, 1))
    x = np.zeros_like(one.pose.position.x)
    x[:, 0] = 1.0
    pulled, by_command = pull_back(
        scenes, with_motion(one, position=one.pose.position._replace(x=x))
    )

    first = start._replace(control=Control(jnp.asarray(commands).reshape(-1)))
    scale = np.array([SCALES[name] for name in leaf_names(first)])

    def ends(flat: np.ndarray) -> np.ndarray:
        lanes = unflatten_lanes(flat, first)
        played = np.asarray(lanes.control.command).reshape(len(flat), *commands.shape)
        final: State = finals(lanes, played)
        return np.asarray(final.pose.position.x)[:, :1]

    numbers = flatten_lanes(repeat(first, 1))[0]
    by_differences = differences(ends, numbers, scale, SMALL_DIFFERENCE)[:, 0]
    backwards = pulled._replace(control=Control(by_command.reshape(1, -1)))
    by_reverse = flatten_lanes(backwards)[0] * scale

    names = np.array([name.rsplit("[", 1)[0] for name in path_names(first)])
    kinds = np.array([kind_of(name) for name in names])
    return Comparison(
        {kind: by_reverse[kinds == kind] for kind in set(kinds)},
        {kind: by_differences[kinds == kind] for kind in set(kinds)},
    )


def kind_of(name: str) -> str:
    """Commands, the initial state, and each part of the world: what users take derivatives of."""
    parts = name.split(".")
    return ".".join(parts[1:3]) if parts[1] == "world" else parts[1]


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def check(result: Comparison) -> None:
    cosines = {
        kind: cosine(gradient, result.differences[kind])
        for kind, gradient in result.reverse.items()
        if np.linalg.norm(gradient) > 0.0
    }
    assert {"control", "state", "world.bodies", "world.drives", "world.contacts"} <= set(cosines)
    assert {kind: value for kind, value in cosines.items() if not value > COSINE} == {}


def trot(count: int, frequency: float, amplitude: float, sign: np.ndarray) -> np.ndarray:
    """Commands of hinges that swing diagonally [rad]."""
    phase = 2.0 * np.pi * frequency * TIMESTEP * np.arange(count)[:, None]
    return amplitude * sign * np.sin(phase)


def test_the_gradient_of_walking_agrees() -> None:
    scene = build_scene(walker(), STANCE)
    diagonal = np.array([0.0, 1.0, -1.0, -1.0, 1.0])
    commands = np.asarray(STANCE) + trot(40 + STEPS, 2.0, 0.3, diagonal)
    assert len(LEGS) == 4
    after = trajectory(scene, commands[:40])[-1]
    check(compare(after, commands[40:]))


@pytest.mark.slow
def test_the_gradient_of_the_walking_quadruped_agrees() -> None:
    robot = robot_config("quadruped")
    robot = replace(robot, {f"motors.{name}.max_force": 15.0 for name in robot.motors})
    scene = build_scene(robot, np.zeros(8))
    sign = np.array([1.0, -1.0, -1.0, 1.0])
    shoulders = trot(40 + STEPS, 1.5, 0.4, sign)
    elbows = 0.12 + trot(40 + STEPS, 1.5, 0.4, -sign)
    commands = np.concatenate([shoulders, elbows], axis=1)
    after = trajectory(scene, commands[:40])[-1]
    check(compare(after, commands[40:]))
