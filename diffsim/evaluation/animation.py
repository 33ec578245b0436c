"""Pictures of a motion by a camera: an animation, and a strip."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw

from diffsim.camera.camera import Camera
from diffsim.math.spatial import Motion
from diffsim.math.vectors import Vec3
from diffsim.robots.appearance import CameraConfig, PlaneConfig, TextureConfig
from diffsim.robots.config import RobotConfig
from diffsim.robots.geoms import GeomSpec, geom_specs
from diffsim.simulate.batch import robots_last

PICTURES = 8
"""In a strip."""

HALF_WIDTH = 1.25
"""Of what is seen, in extents of the robot."""


class Film:
    """A robot in motion, seen by one of its cameras, or by one that is put up for it.

    That one looks from the front right and from above, goes along with the robot, and has a floor
    to look at.
    """

    def __init__(self, robot: RobotConfig, camera: str | None) -> None:
        """``camera`` is the name of one, None for the one that is put up."""
        self._robot, self._camera = robot, None if camera is None else robot.cameras[camera]

    def shoot(self, names: Sequence[str], motion: Motion) -> np.ndarray:
        """The images, shape (times, height, width, channels), bytes.

        Args:
            names: of the parts.
            motion: components (times, parts).
        """
        robot, config = self._robot, self._camera
        offset = None
        if config is None:
            config, robot = self._put_up(motion)
            x, y = (
                jnp.mean(motion.pose.position.x, axis=1),
                jnp.mean(motion.pose.position.y, axis=1),
            )
            offset = Vec3(x, y, jnp.zeros_like(x))
        camera = Camera(robot, config)
        turned = robots_last(motion)  # moments are seen as robots are
        seen = jax.jit(lambda motion, offset: camera.view(names, motion, offset))(turned, offset)
        shades = np.asarray(jnp.round(255.0 * jnp.clip(seen, 0.0, 1.0)), np.uint8)
        return np.moveaxis(shades, 1, -1)

    def _put_up(self, motion: Motion) -> tuple[CameraConfig, RobotConfig]:
        """A camera for a robot around the origin, and the robot with a floor."""
        place = np.asarray(motion.pose.position.stack())
        flat = place[..., :2] - place[..., :2].mean(axis=1, keepdims=True)
        sizes = [
            2.0 * (_reach(geom) + float(geom.pose.position.length()))
            for geom in geom_specs(self._robot)
        ]
        half = max(float(np.abs(flat).max()), 0.5 * float(np.ptp(place[..., 2])))
        half += 0.5 * max(sizes, default=0.2)
        middle = 0.5 * float(place[..., 2].max() + place[..., 2].min())
        away = 2.0 * HALF_WIDTH * half * 0.018 / 0.024
        camera = CameraConfig(
            position=[0.55 * away, -0.8 * away, middle + 0.25 * away],
            look_at=[0.0, 0.0, middle],
            resolution=[320, 240],
            sensor_size=[0.024, 0.018],
            samples=2,
        )
        if self._robot.scenery:
            return camera, self._robot
        floor = PlaneConfig(
            size=[1.0, 1.0],
            texture=TextureConfig(
                pattern="checker",
                colors=[[0.75, 0.75, 0.72], [0.6, 0.6, 0.6]],
                cells=[2, 2],
                texels=[64, 64],
            ),
        )
        return camera, dataclasses.replace(self._robot, scenery={"floor": floor})


def save_animation(path: Path, images: np.ndarray, rate: float) -> None:
    """A GIF that never ends, ``rate`` images a second."""
    frames = [_picture(image) for image in images]
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=round(1000.0 / rate), loop=0
    )


def save_strip(path: Path, images: np.ndarray, times: Sequence[float]) -> None:
    """Some of the images, evenly over time, each with its time: wide ones below each other."""
    chosen = np.linspace(0, len(images) - 1, min(PICTURES, len(images))).round().astype(int)
    height, width = images.shape[1:3]
    columns = 2 if width > 2 * height else 4
    rows = -(-len(chosen) // columns)
    gap = 4
    strip = Image.new(
        "RGB", (columns * (width + gap) - gap, rows * (height + gap) - gap), (255, 255, 255)
    )
    for place, index in enumerate(chosen):
        picture = _picture(images[index]).convert("RGB")
        ImageDraw.Draw(picture).text((4, 2), f"{times[index]:.2f} s", fill=(255, 255, 255))
        row, column = divmod(place, columns)
        strip.paste(picture, (column * (width + gap), row * (height + gap)))
    strip.save(path)


def _picture(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def _reach(geom: GeomSpec) -> float:
    """Distance of a geom's farthest point from its centre [m]."""
    if geom.config.shape == "sphere":
        return float(geom.size["radius"])
    return float(geom.shape.extents(geom.size).length())
