"""Rendering: one ray a pixel, the colour of the nearest surface.

The camera looks along the x axis of its frame, with z up and y to the left. A pixel's colour is a
smooth function of all poses, of the camera's parameters and of the textures while its ray stays on
one face of one surface: that gradient is exact. What flips from one surface to another, at the
edge of what is seen, has no gradient: ``softness`` gives it one.

Source: Degrave et al. (2019), section 3.4.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from diffsim.camera.atlas import Atlas, Patch, look_up
from diffsim.math.pytrees import pytree, static
from diffsim.math.spatial import Pose
from diffsim.math.vectors import Vec3
from diffsim.shapes.shape import Size
from diffsim.shapes.visible import Look, Meeting, Rays, VisibleShape


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
    """Visible surface of a scene.

    Attributes:
        shape: one object for all surfaces of a kind.
        texture: number of its texture in the atlas.
    """

    shape: VisibleShape
    texture: int


@pytree
class Scene:
    """All surfaces, their textures and the light.

    Attributes:
        surfaces: one or more.
        sizes: numbers of each surface's shape, arrays of shape (); of a plane as its ``size`` the
            length and width of one copy of the texture, and 1 [m].
        atlas: textures.
        light: unit vector towards the light, in the world frame.
        ambient: share of a colour that does not depend on the light, shape (); None for all of it.
    """

    surfaces: tuple[Surface, ...] = static()
    sizes: tuple[Size, ...]
    atlas: Atlas
    light: Vec3
    ambient: jax.Array | None


T = TypeVar("T")

BACKGROUND = 0.0
"""Where a ray meets nothing."""


class View(NamedTuple):
    """Rays in the frame of a surface, components of shape (columns,).

    All but ``level`` is the same for all columns. It is repeated so that the derivatives of all
    rows are added up side by side, and those of a row only at the end.

    Attributes:
        level: directions of the rays in the middle of the image's height.
        up: the camera's axis.
        origin: its position [m].
        light: unit vector towards the light.
    """

    level: Vec3
    up: Vec3
    origin: Vec3
    light: Vec3

    def rays(self, down: jax.Array) -> Rays:
        """A row of rays, which go so far down for every metre ahead."""
        return Rays(self.origin, self.level - self.up * down)


class Seen(NamedTuple):
    """A surface's view and its shape's numbers, arrays of shape (columns,)."""

    view: View
    size: Size


def render(scene: Scene, poses: Sequence[Pose], optics: Optics, camera: Pose) -> jax.Array:
    """The image, shape (channels, height, width), values from 0 to 1.

    Args:
        scene: what there is.
        poses: of its surfaces, components of shape (), as are those of the camera's.
        optics: of the camera.
        camera: its pose.
    """
    seen = _seen(scene, poses, optics, camera)
    see = _nearest if optics.softness is None else partial(_softly, softness=optics.softness)
    colors = _over_rows(lambda down: see(scene, seen, down, optics.focal_length), optics)
    samples = optics.samples
    shape = (optics.height, samples, -1, optics.width, samples)
    return jnp.moveaxis(jnp.mean(colors.reshape(shape), axis=(1, 4)), 1, 0)


def depth(scene: Scene, poses: Sequence[Pose], optics: Optics, camera: Pose) -> jax.Array:
    """Depth of an image [m], infinite where nothing is seen, shape (rows, columns).

    Rows and columns of rays, ``samples`` for each pixel.
    """
    seen = _seen(scene, poses, optics, camera)

    def see(down: jax.Array) -> jax.Array:
        return _find_nearest(scene, seen, down, optics.focal_length)[1].depth

    return _over_rows(see, optics)


def on_cpu() -> bool:
    """Return whether JAX computes on a CPU."""
    device: jax.Device | None = jax.config.jax_default_device  # type: ignore[attr-defined]
    return (jax.default_backend() if device is None else device.platform) == "cpu"


def project(point: Vec3, optics: Optics, camera: Pose) -> tuple[jax.Array, jax.Array]:
    """Image coordinates of a point in the world [pixels], from the upper left corner.

    To the right and down; the first pixel's centre is at (0.5, 0.5). Only for what is ahead.
    """
    ahead, left, up = camera.rotation.transpose_times(point - camera.position)
    right = 0.5 - left / ahead * optics.focal_length / optics.sensor[0]
    down = 0.5 - up / ahead * optics.focal_length / optics.sensor[1]
    return right * optics.width, down * optics.height


def _over_rows(see: Callable[[jax.Array], jax.Array], optics: Optics) -> jax.Array:
    """See each row of rays, given how far its rays go down for every metre ahead.

    On a CPU one row after the other, and again for their derivatives: what all rays of a row need
    stays in the innermost cache.
    """
    slopes = _slopes(optics.height * optics.samples, optics.sensor[1]) / optics.focal_length
    if on_cpu():
        return jax.lax.map(jax.checkpoint(see, prevent_cse=False), slopes)
    return jax.vmap(see)(slopes)


def _slopes(count: int, length: jax.Array) -> jax.Array:
    """Places of so many rays on the projection plane, from its middle [m]."""
    return ((jnp.arange(count) + 0.5) / count - 0.5) * length


def _seen(scene: Scene, poses: Sequence[Pose], optics: Optics, camera: Pose) -> list[Seen]:
    """Every surface; not as arrays over surfaces, which XLA would take apart at every use."""
    right = _slopes(optics.width * optics.samples, optics.sensor[0]) / optics.focal_length
    seen = []
    for size, pose in zip(scene.sizes, poses, strict=True):
        turn = pose.rotation.transpose_times
        ahead, left, up = (turn(axis) for axis in camera.rotation)
        origin = turn(camera.position - pose.position)
        one = Seen(View(ahead - left * right, up, origin, turn(scene.light)), size)
        seen.append(jax.tree.map(lambda c: jnp.broadcast_to(c, right.shape), one))
    return seen


def _meet(surface: Surface, seen: Seen, down: jax.Array, near: jax.Array) -> Meeting:
    """Find where a row's rays meet one surface; what is nearer than ``near`` [m] is not seen."""
    found = surface.shape.meet(seen.size, seen.view.rays(down))
    reached = found.depth > near
    return found._replace(
        depth=jnp.where(reached, found.depth, near),
        inside=jnp.where(reached, found.inside, -jnp.inf),
    )


def _find_nearest(
    scene: Scene, seen: list[Seen], down: jax.Array, near: jax.Array
) -> tuple[jax.Array, Meeting]:
    """Number of the nearest surface, and where it is met; infinitely far where there is none.

    Shape (columns,), without derivatives.
    """
    none = jnp.zeros_like(seen[0].view.level.x, jnp.int32)
    far = jnp.full_like(seen[0].view.level.x, jnp.inf)
    choice, best = none, Meeting(far, far, none)
    for k, (surface, one) in enumerate(zip(scene.surfaces, seen, strict=True)):
        found = _meet(surface, *jax.lax.stop_gradient((one, down, near)))
        closer = (found.inside > 0.0) & (found.depth < best.depth)
        best = jax.tree.map(partial(jnp.where, closer), found, best)
        choice, best = kept((jnp.where(closer, k, choice), best))
    return choice, best


def _nearest(scene: Scene, seen: list[Seen], down: jax.Array, near: jax.Array) -> jax.Array:
    """The colour of what is nearest, shape (channels, columns).

    Which surface that is has no derivative. It is found first, so that what follows, and is
    differentiated, is done once for each ray and not for each surface.
    """
    choice, found = _find_nearest(scene, seen, down, near)
    view = kept(jax.tree.map(lambda *each: _select(each, choice), *[one.view for one in seen]))
    rays = view.rays(down)
    members: dict[Callable[..., Look], list[int]] = {}  # boxes and planes look at points alike
    for k, surface in enumerate(scene.surfaces):
        members.setdefault(surface.shape.look, []).append(k)
    looks = []
    for look_at, own in members.items():
        # Of rays that meet another shape, the size is still one of this shape's, so that nothing
        # becomes infinite: its gradient would be nan.
        sizes = (seen[k].size for k in own)
        size = jax.tree.map(lambda *each, own=own: _select(each, choice, own), *sizes)
        looks.append(kept(look_at(kept(size), rays, view.light, found.face, None)))
    look = looks[0]
    for own, mine in zip(list(members.values())[1:], looks[1:], strict=True):
        here = _select([k in own for k in range(len(seen))], choice)
        look = jax.tree.map(partial(jnp.where, here), mine, look)
    patches = [scene.atlas.patches[surface.texture] for surface in scene.surfaces]
    patch = Patch(*(_select(values, choice) for values in zip(*patches, strict=True)))
    colors = look_up(scene.atlas, patch, look.u, look.v) * _shade(scene, look.facing)
    return jnp.where(jnp.isfinite(found.depth), colors, BACKGROUND)


def _select(
    values: Sequence[Any], choice: jax.Array, numbers: Sequence[int] | None = None
) -> jax.Array:
    """Choose one of several values for each ray, the first for choices that are no number."""
    if numbers is None:
        numbers = range(len(values))
    chosen = jnp.broadcast_to(values[0], choice.shape)
    for number, value in zip(numbers[1:], values[1:], strict=True):
        chosen = jnp.where(choice == number, value, chosen)
    return chosen


def _softly(
    scene: Scene, seen: list[Seen], down: jax.Array, near: jax.Array, softness: float
) -> jax.Array:
    """Each surface covers a ray in part, and hides in part what is about as far away.

    A surface's weight is what it covers, times what all others leave of it:
    c_i Π_j (1 − c_j σ((d_i − d_j) / s)), with coverage c = σ(inside / s) and depth d.
    """
    found = [_meet(*pair, down, near) for pair in zip(scene.surfaces, seen, strict=True)]
    covers = [jax.nn.sigmoid(meeting.inside / softness) for meeting in found]
    background = jnp.ones(())
    for cover in covers:
        background = background * (1.0 - cover)
    weights = list(covers)
    for i, j in itertools.combinations(range(len(found)), 2):
        behind = jax.nn.sigmoid((found[i].depth - found[j].depth) / softness)
        weights[i] = weights[i] * (1.0 - covers[j] * behind)
        weights[j] = weights[j] * (1.0 - covers[i] * (1.0 - behind))
    total = BACKGROUND * background
    for surface, one, meeting, weight in zip(scene.surfaces, seen, found, weights, strict=True):
        total = total + weight * _color(scene, surface, one, down, meeting)
    return total / sum(weights, background)


def _color(
    scene: Scene, surface: Surface, seen: Seen, down: jax.Array, found: Meeting
) -> jax.Array:
    """Colour of one surface where rays meet it, shape (channels, columns)."""
    patch = scene.atlas.patches[surface.texture]
    if (patch.height, patch.width) == (1, 1) and scene.ambient is None:
        return scene.atlas.texels[patch.start][:, None]
    rays, light = seen.view.rays(down), seen.view.light
    look = surface.shape.look(seen.size, rays, light, found.face, found.depth)
    return look_up(scene.atlas, patch, look.u, look.v) * _shade(scene, look.facing)


def kept(arrays: T) -> T:
    """Keep arrays, so that they are not computed again by everything that uses them.

    XLA would make one long computation of what leads from a pose to a colour, as often as parts of
    it are needed; compiling that takes minutes.
    """
    result: T = jax.lax.optimization_barrier(arrays)
    return result


def _shade(scene: Scene, facing: jax.Array) -> jax.Array | float:
    """Brightness of a surface that faces the light so far."""
    if scene.ambient is None:
        return 1.0
    return scene.ambient + (1.0 - scene.ambient) * jnp.maximum(facing, 0.0)
