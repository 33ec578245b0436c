"""Images of a robot in motion, by one of its cameras or by one that is put up for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.camera.camera import Camera, seen_geoms
from diffsim.math.rotations import identity
from diffsim.math.spatial import Motion, Pose, Twist
from diffsim.math.vectors import Vec3
from diffsim.robots.appearance import CameraConfig, PlaneConfig, TextureConfig
from diffsim.robots.config import BodyConfig, RobotConfig
from diffsim.robots.geoms import GeomSpec
from diffsim.robots.replace import replace
from diffsim.shapes.mesh import MeshedShape
from diffsim.shapes.visible import VisibleShape
from diffsim.simulate.batch import robots_last

MARGIN = 1.15
"""Factor on the distance from which everything would be seen."""

FOCAL_LENGTH, SENSOR = 0.018, (0.024, 0.018)
"""Focal length, width and height of the camera's sensor [m]."""

GOAL = "the goal"
"""Name of the ball that marks the goal; no body of a file can have it."""

ROUND = TextureConfig(
    pattern="checker", colors=[[0.96, 0.6, 0.24], [0.99, 0.9, 0.76]], cells=[4, 2], texels=[64, 64]
)
FLAT = TextureConfig(colors=[[0.44, 0.6, 0.84], [0.0, 0.0, 0.0]])
RED = TextureConfig(colors=[[0.86, 0.21, 0.27], [0.0, 0.0, 0.0]])
FLOOR = PlaneConfig(
    size=[1.0, 1.0],
    texture=TextureConfig(
        pattern="checker",
        colors=[[0.75, 0.75, 0.72], [0.6, 0.6, 0.6]],
        cells=[2, 2],
        texels=[64, 64],
    ),
)


class Film:
    """A robot in motion, seen by one of its cameras, or by one that is put up for it.

    That one looks from the front right and from above, and has a floor to look at. It goes along
    with a robot that leaves its place; surfaces of which the robot says no colours have some.
    """

    def __init__(self, robot: RobotConfig, camera: str | None, goal: Vec3 | None = None) -> None:
        """A film of a robot.

        Args:
            robot: with numbers as they are in the motion.
            camera: the name of one, None for the one that is put up.
            goal: where that one sees a red ball [m], components (); None for none.
        """
        self._robot, self._camera = robot, None if camera is None else robot.cameras[camera]
        self._goal = goal

    def shoot(self, names: Sequence[str], motion: Motion) -> np.ndarray:
        """The images, shape (times, height, width, channels), bytes.

        Args:
            names: of the parts.
            motion: components (times, parts).
        """
        if self._camera is None:
            seen = self._seen_by_default(names, motion)
        else:
            camera = Camera(self._robot, self._camera)
            # Moments are seen as robots are.
            seen = jax.jit(lambda motion: camera.view(names, motion))(robots_last(motion))
        shades = np.asarray(jnp.round(255.0 * jnp.clip(seen, 0.0, 1.0)), np.uint8)
        return np.moveaxis(shades, 1, -1)

    def _seen_by_default(self, names: Sequence[str], motion: Motion) -> jax.Array:
        """Images of the camera that is put up, shape (times, channels, height, width).

        What depends on the motion is an argument: another motion is seen by the same program.
        """
        config, offset, radius = self._put_up(motion)
        robot = _dressed(self._robot)
        if self._goal is not None:
            marker = BodyConfig(shape="sphere", radius=radius, texture=RED)
            robot = replace(robot, {"bodies": {**robot.bodies, GOAL: marker}})
            names, motion = [*names, GOAL], _with_goal(motion, self._goal)

        @jax.jit
        def see(motion: Motion, offset: Vec3, place: Any) -> jax.Array:
            position, look_at, radius = place
            own = replace(config, {"position": position, "look_at": look_at})
            marked = robot
            if self._goal is not None:
                marked = replace(robot, {f"bodies.{GOAL}.radius": radius})
            return Camera(marked, own).view(names, motion, offset)

        place = jax.tree.map(jnp.asarray, (config.position, config.look_at, radius))
        return see(robots_last(motion), offset, place)

    def _put_up(self, motion: Motion) -> tuple[CameraConfig, Vec3, float]:
        """A camera, how it goes along [m], and the radius of a mark [m]."""
        place = np.asarray(motion.pose.position.stack())
        reach = max((_reach(geom) for geom in seen_geoms(self._robot)), default=0.1)
        middle = place.mean(axis=1, keepdims=True) * [1.0, 1.0, 0.0]
        widest = float(np.ptp(place - middle, axis=1).max()) + 2.0 * reach
        leaves = float(np.linalg.norm(middle - middle[0], axis=-1).max()) > widest
        moves = middle if leaves else np.zeros_like(middle)
        offset, place = Vec3(*(jnp.asarray(moves[:, 0, k]) for k in range(3))), place - moves
        shown = place.reshape(-1, 3)
        if self._goal is not None and not leaves:
            shown = np.concatenate([shown, np.asarray(self._goal.stack())[None]])
        low, high = shown.min(axis=0), shown.max(axis=0)
        center = 0.5 * (low + high)
        aside = 0.5 * float(np.linalg.norm((high - low)[:2])) + reach
        upwards = 0.5 * float(high[2] - low[2]) + reach
        away = MARGIN * 2.0 * FOCAL_LENGTH * max(aside / SENSOR[0], upwards / SENSOR[1])
        camera = CameraConfig(
            position=(center + away * np.array([0.55, -0.8, 0.25])).tolist(),
            look_at=center.tolist(),
            resolution=[320, 240],
            focal_length=FOCAL_LENGTH,
            sensor_size=[*SENSOR],
            samples=2,
        )
        return camera, offset, 0.03 * away


def _dressed(robot: RobotConfig) -> RobotConfig:
    """A robot with colours where it says none, and a floor where it has no scenery."""
    untold = TextureConfig()
    values: dict[str, Any] = {}
    for geom in seen_geoms(robot):
        if geom.config.texture in (None, untold):
            assert isinstance(geom.shape, VisibleShape)
            key = geom.key.removeprefix("robot.")
            values[f"{key}.texture"] = ROUND if geom.shape.repeats else FLAT
    if not robot.scenery:
        values["scenery"] = {"floor": FLOOR}
    return replace(robot, values)


def _with_goal(motion: Motion, goal: Vec3) -> Motion:
    """The motion, with a part more that stays at the goal."""
    like = motion.pose.position.x[:, :1]
    still = Vec3(*(jnp.zeros_like(like) for _ in range(3)))
    upright = jax.tree.map(lambda c: jnp.broadcast_to(c, like.shape), identity())
    place = Vec3(*(jnp.broadcast_to(c, like.shape) for c in goal))
    mark = Motion(Pose(place, upright), Twist(still, still))
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=1), motion, mark)


def _reach(geom: GeomSpec) -> float:
    """Distance of a geom's farthest point from its body's frame, or a little more [m]."""
    if isinstance(geom.shape, MeshedShape):
        own = float(np.linalg.norm(geom.shape.mesh(geom.size).vertices, axis=1).max())
    else:
        own = float(geom.shape.extents(geom.size).length())
    return float(geom.pose.position.length()) + own
