"""Files of images: an animation, and a film strip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PICTURES = 8
"""Most pictures in a strip."""

GAP = 4
"""Gap between the pictures of a strip [pixels]."""

HEADING = 26
"""Height of the line above a strip [pixels]."""

WRITING = 13
"""Size of what is written on a picture [pixels]."""


def save_animation(path: Path, images: np.ndarray, rate: float) -> None:
    """Write a GIF that never ends.

    Args:
        path: of the file.
        images: shape (times, height, width, channels), bytes.
        rate: images a second [1/s].
    """
    frames = [_picture(image) for image in images]
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=round(1000.0 / rate), loop=0
    )


def chosen_for_strip(count: int) -> np.ndarray:
    """Indices of the images that a strip shows, evenly over all of them."""
    return np.linspace(0, count - 1, min(PICTURES, count)).round().astype(int)


def save_strip(path: Path, images: np.ndarray, captions: Sequence[str], heading: str = "") -> None:
    """Write images side by side, in rows; wide ones two in a row. The file is whole or not there.

    Args:
        path: of the PNG.
        images: shape (pictures, height, width, channels), bytes.
        captions: one for each, written onto it.
        heading: a line above all of them, none if empty.
    """
    height, width = images.shape[1:3]
    columns = min(len(images), 2 if width > 2 * height else 4)
    rows = -(-len(images) // columns)
    top = HEADING if heading else 0
    size = (columns * (width + GAP) - GAP, top + rows * (height + GAP) - GAP)
    strip = Image.new("RGB", size, (255, 255, 255))
    font = ImageFont.load_default(WRITING)
    if heading:
        ImageDraw.Draw(strip).text((GAP, 5), heading, fill=(0, 0, 0), font=font)
    for place, (image, caption) in enumerate(zip(images, captions, strict=True)):
        picture = _picture(image).convert("RGB")
        ImageDraw.Draw(picture).text(
            (5, 3), caption, fill=(255, 255, 255), font=font, stroke_width=1, stroke_fill=(0, 0, 0)
        )
        row, column = divmod(place, columns)
        strip.paste(picture, (column * (width + GAP), top + row * (height + GAP)))
    temporary = path.with_name(f".{path.name}.tmp")
    strip.save(temporary, format="png")
    temporary.replace(path)


def _picture(image: np.ndarray) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
