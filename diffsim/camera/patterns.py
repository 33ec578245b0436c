"""Textures that we draw, and those read from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.robots.appearance import TextureConfig
from diffsim.robots.numbers import dtype, numbers
from diffsim.validation import ConfigError

LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue in grey (ITU-R BT.601)."""


def draw_texture(config: TextureConfig, key: str) -> jax.Array:
    """The image of a texture, shape (height, width, 3), values from 0 to 1.

    Its colours may be traced.

    Args:
        config: what it shows.
        key: of the config, for messages.

    Raises:
        ConfigError: if a file is missing or is no picture.
    """
    if config.pattern == "image":
        return jnp.asarray(_read(config, key), dtype())
    share = jnp.asarray(_pattern(config), dtype())[..., None]
    first, second = (numbers(list(color)) for color in config.colors)
    return first + share * (second - first)


def grey(image: jax.Array) -> jax.Array:
    """Reduce an image to one channel, its luminance."""
    return jnp.sum(image * jnp.asarray(LUMA, image.dtype), axis=-1, keepdims=True)


def _pattern(config: TextureConfig) -> np.ndarray:
    """The share of the second colour, shape (height, width)."""
    width, height = config.texels
    across, down = config.cells
    x = np.linspace(0.0, across, width, endpoint=False)[None, :]
    y = np.linspace(0.0, down, height, endpoint=False)[:, None]
    match config.pattern:
        case "checker":
            return ((np.floor(x) + np.floor(y)) % 2).astype(float)
        case "stripes":
            return np.broadcast_to(np.floor(x) % 2, (height, width))
        case "waves":
            return 0.5 + 0.5 * np.sin(2.0 * np.pi * x) * np.sin(2.0 * np.pi * y)
        case "noise":
            return _noise(config)
    return np.zeros((1, 1))  # plain


def _noise(config: TextureConfig) -> np.ndarray:
    """Random values on the lattice of cells, with cosine interpolation; it repeats seamlessly."""
    width, height = config.texels
    across, down = config.cells
    values = np.random.default_rng(config.seed).random((down, across))

    def between(count: int, cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        place = np.linspace(0.0, cells, count, endpoint=False)
        first = np.floor(place).astype(int)
        share = 0.5 - 0.5 * np.cos(np.pi * (place - first))
        return first, (first + 1) % cells, share

    left, right, along = between(width, across)
    top, bottom, aside = between(height, down)
    upper = values[top][:, left] * (1.0 - along) + values[top][:, right] * along
    lower = values[bottom][:, left] * (1.0 - along) + values[bottom][:, right] * along
    return upper * (1.0 - aside[:, None]) + lower * aside[:, None]


def _read(config: TextureConfig, key: str) -> Any:
    from matplotlib.image import imread

    path = Path(str(config.file))
    try:
        image = imread(path, format="png")
    except (OSError, SyntaxError, ValueError) as error:
        raise ConfigError(f"{key}.file must be a PNG picture, got '{path}' ({error})") from error
    image = image[..., None].repeat(3, axis=2) if image.ndim == 2 else image[..., :3]
    if min(image.shape[:2]) < 2:
        raise ConfigError(f"{key}.file must have 2 × 2 pixels or more, got '{path}'")
    return image
