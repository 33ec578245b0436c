"""Gradients are finite in ten thousand random and degenerate states of articulated robots."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import numpy as np
import pytest

from diffsim.math.rotations import rotation_by
from diffsim.math.spatial import Pose, Twist
from diffsim.math.vectors import Vec3
from diffsim.world.world import State
from tests.gradients.compare import Scene
from tests.gradients.lanes import flatten_lanes, in_lanes, path_names, pull_lanes, repeat
from tests.gradients.mechanisms import SMALL, scene_of

pytestmark = pytest.mark.usefixtures("float64")

FEW, MANY = 256, 1536  # of seven robots: 10,752
SEED = 0

Numbers = Callable[[tuple[int, ...]], np.ndarray]


def draw(like: Scene, count: int) -> Scene:
    """Scenes in states that are random in some respects, degenerate in others, as coins fall.

    Positions that disagree with the joints are among them: the solver sees what it will never see.
    """
    rng = np.random.default_rng(SEED)
    lanes = repeat(like, count)
    state = lanes.state

    def coins(shape: tuple[int, ...]) -> np.ndarray:
        """One for each lane, the same for all its numbers."""
        return rng.random((count, *(1 for _ in shape[1:]))) < 0.5

    def some(leaf: np.ndarray, numbers: Numbers) -> np.ndarray:
        """As it is, zero, or random."""
        random = np.where(coins(leaf.shape), numbers(leaf.shape), 0.0)
        return np.where(coins(leaf.shape), leaf, random)

    def scaled(shape: tuple[int, ...]) -> np.ndarray:
        """Normal, of sizes from 1e-9 to 100."""
        size = 10.0 ** rng.uniform(-9.0, 2.0, (count, *(1 for _ in shape[1:])))
        return size * rng.normal(size=shape)

    def vectors(vector: Vec3, numbers: Numbers) -> Vec3:
        return Vec3(*(some(part, numbers) for part in vector))

    shape = state.pose.position.x.shape
    turned = rotation_by(Vec3(*rng.normal(scale=2.0, size=(3, *shape))))
    keep = coins(shape)
    rotation = jax.tree.map(lambda old, new: np.where(keep, old, new), state.pose.rotation, turned)
    changed = State(
        pose=Pose(
            vectors(state.pose.position, lambda shape: 0.2 * rng.normal(size=shape)), rotation
        ),
        twist=Twist(vectors(state.twist.linear, scaled), vectors(state.twist.angular, scaled)),
        acceleration=state.acceleration,
        impulses=jax.tree.map(lambda leaf: some(leaf, scaled), state.impulses),
        angles=state.angles,
        time=state.time,
        time_excess=state.time_excess,
    )
    command = some(np.asarray(lanes.control.command), scaled)
    return lanes._replace(state=changed, control=lanes.control._replace(command=command))


@pytest.mark.parametrize(
    ("robot", "count"),
    [("walker", FEW)] + [pytest.param(robot, MANY, marks=pytest.mark.slow) for robot in SMALL],
)
def test_gradients_of_random_states_are_finite(robot: str, count: int) -> None:
    regime = next(iter(SMALL[robot].values()))
    scenes = draw(scene_of(regime), count)
    ones = jax.tree.map(np.ones_like, scenes.state)
    gradient = in_lanes(partial(pull_lanes, solver=regime.solver), scenes, ones)
    assert not_finite(gradient) == {}


def not_finite(gradients: Scene) -> dict[str, int]:
    """In how many lanes, by inputs."""
    names = path_names(jax.tree.map(lambda leaf: leaf[0], gradients))
    counts = (~np.isfinite(flatten_lanes(gradients))).sum(axis=0)
    return {name: int(count) for name, count in zip(names, counts, strict=True) if count}
