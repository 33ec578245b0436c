"""Meshes of shapes: closed surfaces, seen from outside, that enclose the shape's volume."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from diffsim.math.vectors import Vec3
from diffsim.shapes.box import Box
from diffsim.shapes.mesh import SECTORS, Mesh, MeshedShape
from diffsim.shapes.plane import LimitedPlane, Plane
from diffsim.shapes.shape import Size
from diffsim.shapes.sphere import Sphere

# Flat triangles lie within a round surface. Of a ball with an angle a between its corners, a²/6 is
# missing of each slice, being a polygon, and a²/4 of the volume, as arcs of meridians are straight.
ROUND = 1.01 * (1.0 / 6.0 + 1.0 / 4.0) * (2.0 * np.pi / SECTORS) ** 2
CASES = [
    (Sphere(), {"radius": 0.3}, ROUND),
    (Box(), {"size": Vec3(0.2, 0.5, 1.1)}, 1e-12),
]


def volume(mesh: Mesh) -> float:
    """Sum of the signed volumes of the tetrahedra from the origin to each triangle."""
    a, b, c = np.moveaxis(mesh.vertices[mesh.triangles], 1, 0)
    return float(np.sum(a * np.cross(b, c))) / 6.0


@pytest.mark.parametrize(("shape", "size", "tolerance"), CASES)
def test_the_mesh_encloses_the_volume(shape: MeshedShape, size: Size, tolerance: float) -> None:
    mesh = shape.mesh(size)
    assert isinstance(shape, MeshedShape)
    assert volume(mesh) == pytest.approx(float(shape.volume(size)), rel=tolerance)


@pytest.mark.parametrize(("shape", "size", "tolerance"), CASES)
def test_the_mesh_reaches_as_far_as_the_shape(
    shape: MeshedShape, size: Size, tolerance: float
) -> None:
    extents = np.abs(shape.mesh(size).vertices).max(axis=0)
    np.testing.assert_allclose(extents, [float(e) for e in shape.extents(size)], rtol=1e-12)


def edges(mesh: Mesh) -> Counter[tuple[int, int]]:
    sides = np.concatenate([mesh.triangles[:, [k, (k + 1) % 3]] for k in range(3)])
    return Counter((int(a), int(b)) for a, b in sides)


def test_a_round_surface_has_no_sharp_edge_and_eighths_of_two_colours() -> None:
    mesh = Sphere().mesh({"radius": 1.0})
    found = edges(mesh)
    assert all(found[b, a] == 1 for a, b in found)
    signs = np.sign(mesh.vertices[mesh.triangles].mean(axis=1))
    assert np.array_equal(mesh.second, signs.prod(axis=1) < 0.0)
    assert 0.49 < mesh.second.mean() < 0.51


def test_a_box_has_twelve_edges_with_vertices_of_their_own_on_either_side() -> None:
    mesh = Box().mesh({"size": Vec3(1.0, 2.0, 3.0)})
    found = edges(mesh)
    assert sum(found[b, a] == 0 for a, b in found) == 2 * 12
    assert not mesh.second.any()


def test_a_plane_is_seen_from_both_sides_where_it_ends_somewhere() -> None:
    mesh = LimitedPlane().mesh({"size": Vec3(2.0, 1.0, 1.0)})
    a, b, c = np.moveaxis(mesh.vertices[mesh.triangles], 1, 0)
    assert sorted(np.sign(np.cross(b - a, c - a)[:, 2])) == [-1, -1, 1, 1]
    assert not isinstance(Plane(), MeshedShape)
