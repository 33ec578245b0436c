"""Films by the camera that is put up: all of the robot is seen, and its goal."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from PIL import Image

from diffsim.camera.film import Film
from diffsim.camera.pictures import GAP, HEADING, PICTURES, chosen_for_strip, save_strip
from diffsim.math.rotations import identity
from diffsim.math.spatial import Motion, Pose, Twist
from diffsim.math.vectors import Mat3, Vec3
from tests.robots_in_package import robot_config


def moved(places: list[list[float]]) -> Motion:
    """A ball at some places, upright."""
    at = Vec3(*(jnp.asarray([[place[k]] for place in places]) for k in range(3)))
    still = Vec3(*(jnp.zeros_like(at.x) for _ in range(3)))
    columns = [Vec3(*(jnp.full_like(at.x, c) for c in column)) for column in identity()]
    return Motion(Pose(at, Mat3(*columns)), Twist(still, still))


def shot(places: list[list[float]], goal: Vec3 | None = None) -> np.ndarray:
    return Film(robot_config("ball"), None, goal).shoot(["ball"], moved(places)).astype(int)


def ball(images: np.ndarray) -> list[np.ndarray]:
    """Pixels of the ball, which is orange and cream; (row, column) of each."""
    return [np.argwhere(image[..., 0] - image[..., 2] > 20) for image in images]


def test_the_whole_path_of_a_robot_that_stays_is_seen_from_one_place() -> None:
    images = shot([[0.0, 0.0, 0.5], [0.3, 0.0, 0.5], [0.0, 0.0, 0.9]])
    found = ball(images)
    for pixels in found:
        assert len(pixels) > 500
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        assert np.all(low > 0)
        assert np.all(high < np.array(images.shape[1:3]) - 1)
    middles = [pixels.mean(axis=0) for pixels in found]
    assert middles[1][1] > middles[0][1] + 5  # to the right
    assert middles[2][0] < middles[0][0] - 5  # upwards


def test_a_robot_that_leaves_is_followed() -> None:
    # Where it is on the floor's pattern, which repeats itself each metre, is the same.
    first, last = shot([[0.0, 0.0, 0.5], [50.0, 0.0, 0.5]])
    assert np.abs(first - last).max() < 30
    assert len(ball(np.stack([first]))[0]) > 500


def test_the_goal_is_a_red_ball_that_stays() -> None:
    goal = Vec3(*(jnp.asarray(c) for c in (1.5, 0.0, 1.0)))
    images = shot([[0.0, 0.0, 0.5], [0.5, 0.0, 0.5]], goal)
    red = (images[..., 0] > 50) & (images[..., 1] < 0.4 * images[..., 0])
    assert red[0].sum() > 30
    assert np.array_equal(red[0], red[1])


def test_a_strip_has_eight_pictures_at_most_evenly_over_time(tmp_path) -> None:
    chosen = chosen_for_strip(100)
    assert (chosen[0], chosen[-1], len(chosen)) == (0, 99, PICTURES)
    assert chosen_for_strip(3).tolist() == [0, 1, 2]
    images = np.full((5, 30, 40, 3), 100, np.uint8)
    save_strip(tmp_path / "strip.png", images, ["a"] * 5, "heading")
    with Image.open(tmp_path / "strip.png") as strip:
        assert strip.size == (4 * (40 + GAP) - GAP, HEADING + 2 * (30 + GAP) - GAP)
    assert [path.name for path in tmp_path.iterdir()] == ["strip.png"]
