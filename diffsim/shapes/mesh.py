"""Surfaces as triangles: how replays and pictures draw a shape, which they know nothing else of."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from diffsim.shapes.shape import Shape, Size

SECTORS = 32
"""Sides of a round surface's outline, which is off by 0.5 % of the radius at most."""


class Mesh(NamedTuple):
    """A surface as triangles, in the frame of its shape.

    Triangles that share vertices meet in a smooth surface. A sharp edge has vertices of its own on
    either side.

    Attributes:
        vertices: [m], shape (vertices, 3).
        triangles: indices of the corners, anticlockwise from outside, shape (triangles, 3).
        second: whether a triangle has the second of its body's two colours, shape (triangles,).
    """

    vertices: np.ndarray
    triangles: np.ndarray
    second: np.ndarray


@runtime_checkable
class MeshedShape(Shape, Protocol):
    """A shape that replays and pictures draw."""

    def mesh(self, size: Size) -> Mesh:
        """Surface of one geom; no derivatives go through it."""


def lathe(profile: np.ndarray) -> Mesh:
    """Smooth surface of revolution about z. Its eighths have two colours: it is seen to turn.

    Args:
        profile: radius and height from the upper end to the lower one [m], shape (rings, 2); the
            ends are on the axis.
    """
    middle = 0.5 * (profile[0, 1] + profile[-1, 1])
    if not np.isclose(profile[:, 1], middle, rtol=0.0, atol=1e-9 * np.ptp(profile[:, 1])).any():
        # A ring between the upper and the lower half, where the colours change.
        upper = np.count_nonzero(profile[:, 1] > middle)
        radius = np.interp(-middle, -profile[:, 1], profile[:, 0])
        profile = np.insert(profile, upper, [radius, middle], axis=0)
    angle = 2.0 * math.pi * np.arange(SECTORS) / SECTORS
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    inner = profile[1:-1]
    places = np.empty((len(inner), SECTORS, 3))
    places[..., :2] = inner[:, None, :1] * ring
    places[..., 2] = inner[:, 1:]
    ends = np.array([[0.0, 0.0, profile[0, 1]], [0.0, 0.0, profile[-1, 1]]])
    vertices = np.concatenate([places.reshape(-1, 3), ends])
    here = np.arange(SECTORS)
    after = (here + 1) % SECTORS
    above = SECTORS * np.arange(len(inner) - 1)[:, None]
    below = above + SECTORS
    last, top = SECTORS * (len(inner) - 1), np.full(SECTORS, len(vertices) - 2)
    faces = [
        np.stack([top, here, after], axis=-1),
        np.stack([above + here, below + here, below + after], axis=-1).reshape(-1, 3),
        np.stack([above + here, below + after, above + after], axis=-1).reshape(-1, 3),
        np.stack([top + 1, last + after, last + here], axis=-1),
    ]
    triangles = np.concatenate(faces)
    centres = vertices[triangles].mean(axis=1) - [0.0, 0.0, middle]
    return Mesh(vertices, triangles, np.prod(centres, axis=1) < 0.0)


def flat_faces(corners: np.ndarray) -> Mesh:
    """Faces of four corners each, all of one colour, with sharp edges.

    Args:
        corners: anticlockwise from outside [m], shape (faces, 4, 3).
    """
    faces = np.arange(4 * len(corners)).reshape(-1, 4)
    triangles = np.concatenate([faces[:, [0, 1, 2]], faces[:, [0, 2, 3]]])
    return Mesh(corners.reshape(-1, 3), triangles, np.zeros(len(triangles), bool))
