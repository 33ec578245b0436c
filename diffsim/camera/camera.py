"""A camera of a robot: from a state to an image."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from diffsim.camera.atlas import make_atlas
from diffsim.camera.patterns import draw_texture, grey
from diffsim.camera.render import Optics, Scene, Surface, on_cpu, render
from diffsim.math.spatial import Motion, Pose
from diffsim.math.vectors import Mat3, Vec3
from diffsim.robots.appearance import CameraConfig, TextureConfig
from diffsim.robots.check_values import is_known
from diffsim.robots.config import RobotConfig
from diffsim.robots.geoms import GeomSpec, geom_specs
from diffsim.robots.numbers import (
    number,
    numbers,
    pose_of,
    rotation_of,
    unit,
    vector,
)
from diffsim.shapes.plane import LimitedPlane, Plane
from diffsim.shapes.visible import VisibleShape
from diffsim.simulate.batch import robots_first
from diffsim.world.world import State, World, part_motion

PLANE, LIMITED_PLANE = Plane(), LimitedPlane()
"""Planes that cameras see; one object a kind (``Surface``)."""


class Camera:
    """Sees all bodies of a robot and its scenery.

    Numbers in the robot's config may be traced: an image has derivatives with respect to them.

    Attributes:
        shape: of an image: channels, height, width.
    """

    def __init__(self, robot: RobotConfig, config: CameraConfig) -> None:
        self._config = config
        self._geoms = seen_geoms(robot)
        self._scene = make_scene(robot, config.grey)
        self.shape = config.shape
        _, height, width = self.shape
        self._optics = Optics(
            height=height,
            width=width,
            samples=config.samples,
            softness=config.softness,
            focal_length=number(config.focal_length),
            sensor=numbers(list(config.sensor_size)),
        )
        self._planes = [pose_of(plane) for plane in robot.scenery.values()]

    def see(self, world: World, state: State) -> jax.Array:
        """The image (channels, height, width), values from 0 to 1.

        Of several robots, along the last axes of the state, there are several, along the first.
        """
        return self.view(world.parts.names, part_motion(world.parts, state))

    def view(self, names: Sequence[str], motion: Motion, offset: Vec3 | None = None) -> jax.Array:
        """Image from the motion of parts; of several moments or robots along the last axis.

        Args:
            names: of the parts.
            motion: components (parts, ...).
            offset: by which the camera is away from its own position [m], components (...).
        """

        def of_part(name: str) -> Pose:
            part = list(names).index(name)
            return jax.tree.map(lambda c: c[part], motion.pose)

        poses = [of_part(geom.part).times(geom.pose) for geom in self._geoms] + self._planes
        own = self._own_pose()
        if self._config.body is not None:
            own = of_part(self._config.body).times(own)
        if offset is not None:
            own = own._replace(position=own.position + offset)
        many = motion.pose.position.x.shape[1:]
        if not many:
            return render(self._scene, poses, self._optics, own)
        poses, own = robots_first(jax.tree.map(lambda c: jnp.broadcast_to(c, many), (poses, own)))

        def see(poses: Sequence[Pose], own: Pose) -> jax.Array:
            return render(self._scene, poses, self._optics, own)

        # On a CPU one after the other: what all rays of one image need stays in the cache.
        if on_cpu():
            return jax.lax.map(lambda at: see(*at), (poses, own))
        return jax.vmap(see)(poses, own)

    def _own_pose(self) -> Pose:
        """Pose in the frame of the body that carries the camera."""
        position = vector(self._config.position)
        if self._config.look_at is None:
            return Pose(position, rotation_of(self._config.orientation))
        ahead = unit(vector(self._config.look_at) - position)
        left = unit(Vec3(number(0.0), number(0.0), number(1.0)).cross(ahead))
        return Pose(position, Mat3(ahead, left, ahead.cross(left)))


def make_scene(robot: RobotConfig, in_grey: bool) -> Scene:
    """All that can be seen of a robot and around it: its geoms, in order, then its planes."""
    planes, geoms = robot.scenery, seen_geoms(robot)
    images = [
        draw_texture(geom.config.texture or TextureConfig(), f"{geom.key}.texture")
        for geom in geoms
    ]
    images += [
        draw_texture(plane.texture, f"robot.scenery.{name}.texture")
        for name, plane in planes.items()
    ]
    shapes = [geom.shape for geom in geoms if isinstance(geom.shape, VisibleShape)]
    shapes += [LIMITED_PLANE if plane.limited else PLANE for plane in planes.values()]
    sizes = [geom.size for geom in geoms]
    sizes += [{"size": vector([*plane.size, 1.0])} for plane in planes.values()]
    return Scene(
        surfaces=tuple(Surface(shape, k) for k, shape in enumerate(shapes)),
        sizes=tuple(sizes),
        atlas=make_atlas(
            [grey(image) if in_grey else image for image in images],
            [shape.repeats for shape in shapes],
        ),
        light=unit(robot.light.direction),
        ambient=_ambient(robot.light.ambient),
    )


def _ambient(share: float | jax.Array) -> jax.Array | None:
    return None if is_known([share]) and share == 1.0 else number(share)


def seen_geoms(robot: RobotConfig) -> list[GeomSpec]:
    """The geoms that cameras see."""
    return [geom for geom in geom_specs(robot) if isinstance(geom.shape, VisibleShape)]
