"""Textures side by side in one array, and looking colours up in it, bilinearly.

A texture's texels are points of a lattice, and colours between them are interpolated, so that a
colour has a derivative with respect to the place it is looked up at.

Source: Degrave et al. (2019), section 3.4; Jaderberg et al., "Spatial transformer networks", 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.math.pytrees import pytree, static


class Patch(NamedTuple):
    """Place of a texture in the atlas.

    Attributes:
        start: index of its first texel.
        height, width: in texels.
        repeats: whether it goes on without end; else its outermost texels lie on its edges.
    """

    start: int | jax.Array
    height: int | jax.Array
    width: int | jax.Array
    repeats: bool | jax.Array


@pytree
class Atlas:
    """All textures of a scene.

    Attributes:
        patches: one for each texture.
        texels: their values from 0 to 1, row by row, shape (texels, channels).
    """

    patches: tuple[Patch, ...] = static()
    texels: jax.Array


def make_atlas(images: Sequence[jax.Array], repeats: Sequence[bool]) -> Atlas:
    """An atlas of images (height, width, channels), all with as many channels."""
    patches, start = [], 0
    for image, endless in zip(images, repeats, strict=True):
        height, width, _ = image.shape
        patches.append(Patch(start, height, width, endless))
        start += height * width
    texels = [image.reshape(-1, image.shape[2]) for image in images]
    return Atlas(tuple(patches), jnp.concatenate(texels))


def look_up(atlas: Atlas, patch: Patch, u: jax.Array, v: jax.Array) -> jax.Array:
    """Colours, shape (channels, rays).

    The derivative with respect to the place is that within a cell of the lattice.

    Args:
        atlas: all textures.
        patch: which one; its fields may be arrays (rays,).
        u, v: where in it, from 0 to 1 over its width and height, shape (rays,).
    """
    along, across = (
        jnp.where(patch.repeats, place * size, jnp.clip(place, 0.0, 1.0) * (size - 1))
        for place, size in ((u, patch.width), (v, patch.height))
    )
    column, row = jnp.floor(along), jnp.floor(across)
    right, down = along - column, across - row
    left, top = column.astype(jnp.int32) % patch.width, row.astype(jnp.int32) % patch.height
    beside, below = (left + 1) % patch.width, (top + 1) % patch.height

    def texel(row: jax.Array, column: jax.Array) -> jax.Array:
        index = patch.start + row * patch.width + column
        return jnp.moveaxis(jnp.take(atlas.texels, index, axis=0, mode="clip"), -1, 0)

    upper = texel(top, left) * (1.0 - right) + texel(top, beside) * right
    lower = texel(below, left) * (1.0 - right) + texel(below, beside) * right
    return upper * (1.0 - down) + lower * down
