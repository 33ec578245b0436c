"""Mass properties of shapes against sums over many small cubes."""

from __future__ import annotations

import numpy as np
import pytest

from diffsim.math.vectors import Vec3
from diffsim.shapes.box import Box
from diffsim.shapes.sphere import Sphere

CELLS = 120
# Cubes on the surface of a sphere are in or out: relative error of the sums with 120³ of them.
SPHERE_TOLERANCE = 2e-3
# The box is made of cubes; each one's own moment is left out, 1/120² of the whole.
BOX_TOLERANCE = 2e-4


def grid(size: tuple[float, float, float]) -> tuple[np.ndarray, float]:
    """Centres of the cells of a box, shape (cells, 3), and the volume of one."""
    edges = [(np.arange(CELLS) + 0.5) / CELLS * length - length / 2 for length in size]
    centres = np.stack(np.meshgrid(*edges, indexing="ij"), axis=-1).reshape(-1, 3)
    return centres, float(np.prod(size)) / CELLS**3


def moments(centres: np.ndarray, mass: float) -> np.ndarray:
    squares = (centres**2).mean(axis=0)
    return mass * (squares.sum() - squares)


def test_a_sphere_weighs_and_turns_like_its_parts() -> None:
    radius, mass = 0.7, 3.0
    centres, cell = grid((2 * radius, 2 * radius, 2 * radius))
    inside = centres[(centres**2).sum(axis=1) < radius**2]
    sphere, given = Sphere(), {"radius": radius}
    assert sphere.volume(given) == pytest.approx(len(inside) * cell, rel=SPHERE_TOLERANCE)
    np.testing.assert_allclose(
        sphere.inertia(given, mass), moments(inside, mass), rtol=SPHERE_TOLERANCE
    )
    assert sphere.extents(given) == (radius, radius, radius)
    assert sphere.thickness(given) == radius


def test_a_box_weighs_and_turns_like_its_parts() -> None:
    size, mass = (0.3, 0.5, 1.1), 3.0
    centres, cell = grid(size)
    box, given = Box(), {"size": Vec3(*size)}
    assert box.volume(given) == pytest.approx(len(centres) * cell, rel=1e-12)
    np.testing.assert_allclose(box.inertia(given, mass), moments(centres, mass), rtol=BOX_TOLERANCE)
    assert box.extents(given) == (0.15, 0.25, 0.55)
    assert float(box.thickness(given)) == pytest.approx(0.15)
