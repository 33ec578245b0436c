"""From a scene and a camera to an image: one ray a pixel, the nearest surface's colour.

The camera looks along the x axis of its frame, with z up and y to the left. A pixel's colour is a
smooth function of all poses, of the camera's parameters and of the textures while its ray stays on
one face of one surface: that gradient is exact. What flips from one surface to another, at the
edge of what is seen, has no gradient: ``softness`` gives it one.

Source: Degrave et al. (2019), section 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from diffsim.camera.atlas import Atlas, Patch, look_up
from diffsim.camera.selection import select, select_each
from diffsim.camera.surfaces import (
    Look,
    Meeting,
    look_at_face,
    look_at_sphere,
    meet_box,
    meet_plane,
    meet_sphere,
)
from diffsim.engine.pytrees import pytree, static
from diffsim.engine.vectors import Mat3, Vec3


class Pose(NamedTuple):
    """Where something is.

    Attributes:
        position: in the world [m].
        rotation: its own frame to the world's.
    """

    position: Vec3
    rotation: Mat3


@pytree
class Optics:
    """A pinhole camera without its pose.

    Attributes:
        height, width: of the image in pixels.
        samples: rays a pixel in either direction, over which its colour is averaged.
        softness: over which length an edge fades [m], None for sharp edges.
        focal_length: distance of the projection plane [m], shape (); nothing nearer is seen.
        sensor: width and height of the projection plane [m], shape (2,).
    """

    height: int = static()
    width: int = static()
    samples: int = static()
    softness: float | None = static()
    focal_length: jax.Array
    sensor: jax.Array


class Surface(NamedTuple):
    """What can be seen.

    Attributes:
        kind: sphere, box or plane.
        texture: number of its texture in the atlas.
        limited: whether a plane has edges.
    """

    kind: str
    texture: int
    limited: bool


@pytree
class Scene:
    """All surfaces, their textures and the light.

    Attributes:
        surfaces: one or more.
        sizes: of each, components of shape (): of a sphere (radius, 0, 0); of a box its edges; of a
            plane (length, width, 0) of one copy of the texture [m].
        atlas: textures.
        light: unit vector towards the light, in the world frame.
        ambient: share of a colour that does not depend on the light, shape ().
    """

    surfaces: tuple[Surface, ...] = static()
    sizes: tuple[Vec3, ...]
    atlas: Atlas
    light: Vec3
    ambient: jax.Array


T = TypeVar("T")

BACKGROUND = 0.0
"""Where a ray meets nothing."""


class View(NamedTuple):
    """How the camera sees a surface from that surface's own frame, components of shape ().

    Attributes:
        ahead, left, up: the camera's axes.
        origin: its position [m].
        light: unit vector towards the light.
        size: of a sphere (radius, 0, 0), of a plane (length, width, 0) [m].
    """

    ahead: Vec3
    left: Vec3
    up: Vec3
    origin: Vec3
    light: Vec3
    size: Vec3


def render(scene: Scene, poses: Sequence[Pose], optics: Optics, camera: Pose) -> jax.Array:
    """The image, shape (channels, height, width), values from 0 to 1.

    Args:
        scene: what there is.
        poses: of its surfaces, components of shape (), as are those of the camera's.
        optics: of the camera.
        camera: its pose.
    """
    views = _views(scene, poses, camera)
    if optics.softness is None:
        colors = _nearest(scene, views, optics)
    else:
        colors = _softly(scene, views, optics, optics.softness)
    samples = optics.samples
    shape = (-1, optics.height, samples, optics.width, samples)
    return jnp.mean(colors.reshape(shape), axis=(2, 4))


def depth(scene: Scene, poses: Sequence[Pose], optics: Optics, camera: Pose) -> jax.Array:
    """How far ahead what is seen is [m], infinite where there is nothing, shape (rows, columns).

    Rows and columns of rays, ``samples`` for each pixel.
    """
    _, found = _find_nearest(scene, _views(scene, poses, camera), optics)
    return found.depth.reshape(optics.height * optics.samples, -1)


def project(point: Vec3, optics: Optics, camera: Pose) -> tuple[jax.Array, jax.Array]:
    """Where a point in the world is in the image [pixels], from its upper left corner.

    To the right and down; the first pixel's centre is at (0.5, 0.5). Only for what is ahead.
    """
    ahead, left, up = camera.rotation.transpose_times(point - camera.position)
    right = 0.5 - left / ahead * optics.focal_length / optics.sensor[0]
    down = 0.5 - up / ahead * optics.focal_length / optics.sensor[1]
    return right * optics.width, down * optics.height


def _slopes(optics: Optics) -> tuple[jax.Array, jax.Array]:
    """How far rays go to the right and down for every metre ahead, shape (rays,)."""
    rows, columns = optics.height * optics.samples, optics.width * optics.samples
    across = ((jnp.arange(columns) + 0.5) / columns - 0.5) * optics.sensor[0]
    along = ((jnp.arange(rows) + 0.5) / rows - 0.5) * optics.sensor[1]
    down, right = jnp.meshgrid(along, across, indexing="ij")
    return right.ravel() / optics.focal_length, down.ravel() / optics.focal_length


def _views(scene: Scene, poses: Sequence[Pose], camera: Pose) -> list[View]:
    """Of each surface; not as arrays over surfaces, which XLA would take apart at every use."""
    views = []
    for size, pose in zip(scene.sizes, poses, strict=True):
        turn = pose.rotation.transpose_times
        ahead, left, up = (turn(axis) for axis in camera.rotation)
        origin = turn(camera.position - pose.position)
        views.append(View(ahead, left, up, origin, turn(scene.light), size))
    return views


def _directions(view: View, slopes: tuple[jax.Array, jax.Array]) -> Vec3:
    right, down = slopes
    return view.ahead - view.left * right - view.up * down


def _meet(surface: Surface, view: View, optics: Optics) -> Meeting:
    """Where all rays meet one surface."""
    direction, near = _directions(view, _slopes(optics)), optics.focal_length
    match surface.kind:
        case "sphere":
            return meet_sphere(view.origin, direction, view.size.x, near)
        case "box":
            return meet_box(view.origin, direction, view.size, near)
    return meet_plane(view.origin, direction, view.size, surface.limited, near)


def _find_nearest(scene: Scene, views: list[View], optics: Optics) -> tuple[jax.Array, Meeting]:
    """Number of the nearest surface, and where it is met; infinitely far where there is none.

    Shape (rays,), without derivatives.
    """
    rays = optics.height * optics.width * optics.samples**2
    none = jnp.zeros(rays, jnp.int32)
    far = jnp.full(rays, jnp.inf, optics.sensor.dtype)
    choice, best = none, Meeting(far, far, none)
    for k, (surface, view) in enumerate(zip(scene.surfaces, views, strict=True)):
        found = _meet(surface, *jax.lax.stop_gradient((view, optics)))
        closer = (found.inside > 0.0) & (found.depth < best.depth)
        best = jax.tree.map(partial(jnp.where, closer), found, best)
        choice, best = kept((jnp.where(closer, k, choice), best))
    return choice, best


def _nearest(scene: Scene, views: list[View], optics: Optics) -> jax.Array:
    """The colour of what is nearest, shape (channels, rays).

    Which surface that is has no derivative. It is found first, so that what follows, and is
    differentiated, is done once for each ray and not for each surface.
    """
    choice, found = _find_nearest(scene, views, optics)
    kinds = [surface.kind for surface in scene.surfaces]
    round_ones = select_each([kind == "sphere" for kind in kinds], choice)
    thick = select_each([kind == "box" for kind in kinds], choice)
    view = kept(select(views, choice))
    direction = _directions(view, _slopes(optics))
    looks = []
    # Of rays that meet another kind, nothing may become infinite: its gradient would be nan.
    if "sphere" in kinds:
        radius = jnp.where(round_ones, view.size.x, 1.0)
        looks.append(kept(look_at_sphere(view.origin, direction, view.light, radius)))
    if {*kinds} != {"sphere"}:
        size = Vec3(*(jnp.where(round_ones, 1.0, component) for component in view.size))
        looks.append(
            kept(look_at_face(view.origin, direction, view.light, size, found.face, thick))
        )
    look: Look = looks[0]
    if len(looks) == 2:
        look = jax.tree.map(partial(jnp.where, round_ones), *looks)
    patches = [scene.atlas.patches[surface.texture] for surface in scene.surfaces]
    patch = Patch(*(select_each(values, choice) for values in zip(*patches, strict=True)))
    colors = look_up(scene.atlas, patch, look.u, look.v) * _shade(scene, look.facing)
    return jnp.where(jnp.isfinite(found.depth), colors, BACKGROUND)


def _softly(scene: Scene, views: list[View], optics: Optics, softness: float) -> jax.Array:
    """Each surface covers a ray in part, and hides in part what is about as far away.

    A surface's weight is what it covers, times what all others leave of it:
    c_i Π_j (1 − c_j σ((d_i − d_j) / s)), with coverage c = σ(inside / s) and depth d.
    """
    found = [_meet(*pair, optics) for pair in zip(scene.surfaces, views, strict=True)]
    covers = [jax.nn.sigmoid(meeting.inside / softness) for meeting in found]
    background = jnp.ones(())
    for cover in covers:
        background = background * (1.0 - cover)
    total, weights = BACKGROUND * background, background
    for i, (surface, view) in enumerate(zip(scene.surfaces, views, strict=True)):
        weight = covers[i]
        for j, other in enumerate(found):
            if j != i:
                before = jax.nn.sigmoid((found[i].depth - other.depth) / softness)
                weight = weight * (1.0 - covers[j] * before)
        at = view.origin, _directions(view, _slopes(optics)), view.light
        if surface.kind == "sphere":
            look = look_at_sphere(*at, view.size.x)
        else:
            look = look_at_face(
                *at, view.size, found[i].face, surface.kind == "box", found[i].depth
            )
        color = look_up(scene.atlas, scene.atlas.patches[surface.texture], look.u, look.v)
        total, weights = total + weight * color * _shade(scene, look.facing), weights + weight
    return total / weights


def kept(arrays: T) -> T:
    """The same arrays, computed once and not again by everything that uses them.

    XLA would make one long computation of what leads from a pose to a colour, as often as parts of
    it are needed; compiling that takes minutes.
    """
    result: T = jax.lax.optimization_barrier(arrays)
    return result


def _shade(scene: Scene, facing: jax.Array) -> jax.Array:
    """How bright a surface is that faces the light so far."""
    return scene.ambient + (1.0 - scene.ambient) * jnp.maximum(facing, 0.0)
