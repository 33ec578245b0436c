"""Schema of textures, planes, light and cameras.

Lengths in metres, colours as red, green and blue from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from diffsim.validation import Frozen, bounded

PATTERNS = ("plain", "checker", "stripes", "waves", "noise", "image")


@dataclass
class TextureConfig(Frozen):
    """A picture on a surface: drawn, or read from a file.

    ``plain`` is the first colour. The others go between the two: ``checker`` and ``stripes`` with
    edges one texel wide, ``waves`` and ``noise`` smoothly. ``image`` is a PNG file.
    """

    pattern: str = bounded("plain", choices=PATTERNS)
    colors: list[list[float]] = bounded(
        [[0.85, 0.85, 0.85], [0.25, 0.25, 0.25]], at_least=0, at_most=1
    )
    cells: list[int] = bounded([4, 4], at_least=1, at_most=512, length=2)  # across and down
    texels: list[int] = bounded(
        [64, 64], at_least=2, at_most=4096, length=2
    )  # across and down; a plain one has 1
    seed: int = bounded(0, at_least=0)  # of noise
    file: str | None = None  # of an image


@dataclass
class PlaneConfig(Frozen):
    """A flat surface that is seen: a floor, a wall, a poster; a solid one is a ramp.

    Its normal is the z axis of its frame. ``size`` is that of one copy of the texture; without
    ``limited`` copies go on without end. What touches the ground touches solid planes, which have
    no end and nothing behind them but themselves.
    """

    position: list[float] = bounded([0.0, 0.0, 0.0], length=3)  # of its middle [m]
    orientation: list[float] = bounded([1.0, 0.0, 0.0, 0.0], length=4)  # quaternion (w, x, y, z)
    size: list[float] = bounded([1.0, 1.0], above=0, length=2)  # along its x and y [m]
    limited: bool = False
    solid: bool = False
    # Of a solid one: a contact has the mean of it and the geom's; null: the geom's alone.
    friction: float | None = bounded(None, at_least=0)
    restitution: float | None = bounded(None, at_least=0, at_most=1)  # the same
    texture: TextureConfig = field(default_factory=TextureConfig)


@dataclass
class LightConfig(Frozen):
    """Light that comes from far away."""

    direction: list[float] = bounded([0.3, -0.6, 0.74], length=3)  # towards it
    ambient: float = bounded(0.4, at_least=0, at_most=1)  # share that comes from everywhere


@dataclass
class CameraConfig(Frozen):
    """A pinhole camera. It looks along the x axis of its frame, with z up and y to the left.

    It is fixed in the world, or in the frame of a body. ``look_at`` turns it towards a point of
    that frame, with the frame's z axis up; else ``orientation`` counts.
    """

    body: str | None = None  # that carries it; the world if null
    position: list[float] = bounded([0.0, 0.0, 0.0], length=3)  # [m]
    orientation: list[float] = bounded([1.0, 0.0, 0.0, 0.0], length=4)  # quaternion (w, x, y, z)
    look_at: list[float] | None = bounded(None, length=3)  # [m]
    focal_length: float = bounded(0.018, above=0)  # [m]
    sensor_size: list[float] = bounded([0.036, 0.024], above=0, length=2)  # width, height [m]
    resolution: list[int] = bounded([144, 96], at_least=1, at_most=8192, length=2)  # width, height
    grey: bool = False
    samples: int = bounded(1, at_least=1, at_most=16)  # rays a pixel in either direction
    softness: float | None = bounded(None, above=0)  # length over which edges fade [m]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of an image: channels, height, width."""
        width, height = self.resolution
        return 1 if self.grey else 3, height, width
