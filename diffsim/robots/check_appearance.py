"""Checks of textures, scenery and cameras beyond the range of each number."""

from __future__ import annotations

import math

from diffsim.robots.appearance import CameraConfig, TextureConfig
from diffsim.robots.check_values import check_direction, check_reference, is_known
from diffsim.robots.config import BodyConfig, RobotConfig
from diffsim.validation import ConfigError

STEEPEST = 1e-3
"""Least sine of the angle between a camera's view and the z axis, which is to be up in it."""


def check_appearance(robot: RobotConfig) -> None:
    """Check how a robot looks, and what looks at it.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    for name, body in robot.bodies.items():
        _check_texture(f"robot.bodies.{name}.texture", body.texture)
        for own, geom in body.geoms.items():
            if geom.texture is not None:
                _check_texture(f"robot.bodies.{name}.geoms.{own}.texture", geom.texture)
    for name, plane in robot.scenery.items():
        check_direction(f"robot.scenery.{name}.orientation", plane.orientation)
        _check_texture(f"robot.scenery.{name}.texture", plane.texture)
        if plane.solid and name in robot.bodies:
            raise ConfigError(
                f"robot.scenery must name solid planes otherwise than bodies, got '{name}'"
            )
        for field in ("friction", "restitution"):
            if not plane.solid and (value := getattr(plane, field)) is not None:
                raise ConfigError(
                    f"robot.scenery.{name}.{field} must be null for a plane that is not solid, "
                    f"got {value}"
                )
    check_direction("robot.light.direction", robot.light.direction)
    if robot.cameras and not robot.scenery and not any(map(_is_seen, robot.bodies.values())):
        raise ConfigError("robot.cameras must have geoms or scenery to see, got none")
    for name, camera in robot.cameras.items():
        _check_camera(robot, f"robot.cameras.{name}", camera)


def _is_seen(body: BodyConfig) -> bool:
    """True if a camera sees any surface of a body."""
    from diffsim.shapes.table import SHAPES  # and with it JAX
    from diffsim.shapes.visible import VisibleShape

    named = [body.shape, *(geom.shape for geom in body.geoms.values())]
    shapes = [SHAPES[name] for name in named if name is not None]
    return any(isinstance(shape, VisibleShape) for shape in shapes)


def _check_texture(key: str, texture: TextureConfig) -> None:
    if len(texture.colors) != 2 or any(len(color) != 3 for color in texture.colors):
        raise ConfigError(
            f"{key}.colors must be two colours of three numbers, got {texture.colors}"
        )
    if (texture.pattern == "image") != (texture.file is not None):
        wanted = "given" if texture.file is None else "null"
        raise ConfigError(
            f"{key}.file must be {wanted} for the pattern {texture.pattern}, got {texture.file}"
        )


def _check_camera(robot: RobotConfig, key: str, camera: CameraConfig) -> None:
    if camera.body is not None:
        check_reference(f"{key}.body", camera.body, robot.bodies)
    check_direction(f"{key}.orientation", camera.orientation)
    if camera.look_at is None or not is_known([*camera.look_at, *camera.position]):
        return
    x, y, z = (a - b for a, b in zip(camera.look_at, camera.position, strict=True))
    if math.hypot(x, y) <= STEEPEST * math.hypot(x, y, z):
        raise ConfigError(
            f"{key}.look_at must not be its position, nor straight above or below it, "
            f"got {camera.look_at}"
        )
