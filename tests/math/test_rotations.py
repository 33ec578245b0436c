"""The update of rotation matrices."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.math.rotations import renormalize, rotate
from diffsim.math.vectors import mat3, vec3

pytestmark = pytest.mark.usefixtures("float64")

# A few dozen operations.
ROUND_OFF = 1e-14


def exact(vector: np.ndarray) -> np.ndarray:
    """Rodrigues' formula."""
    angle = np.linalg.norm(vector)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross


def turned(vector: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    return np.asarray(rotate(mat3(np.eye(3) if start is None else start), vec3(vector)).stack())


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-6, 1e-3, 0.1, 1.0, 3.0, np.pi, 7.0])
def test_a_turn_is_the_rotation_by_the_vector(angle: float) -> None:
    direction = np.array([2.0, -1.0, 2.0]) / 3.0
    expected = exact(angle * direction) if angle else np.eye(3)
    np.testing.assert_allclose(turned(angle * direction), expected, atol=ROUND_OFF)


def test_a_turn_acts_in_the_world_frame() -> None:
    start = exact(np.array([0.3, -0.5, 0.7]))
    step = np.array([0.0, 0.0, 0.4])
    np.testing.assert_allclose(turned(step, start), turned(step) @ start, atol=ROUND_OFF)


def test_no_turn_is_the_identity_with_the_derivative_of_a_cross_product() -> None:
    start = exact(np.array([0.3, -0.5, 0.7]))
    np.testing.assert_allclose(turned(np.zeros(3), start), start, atol=ROUND_OFF)
    jacobian = jax.jacrev(lambda v: rotate(mat3(jnp.asarray(start)), vec3(v)).stack())(jnp.zeros(3))
    for axis, unit in enumerate(np.eye(3)):
        expected = np.cross(unit, start, axisb=0, axisc=0)
        np.testing.assert_allclose(jacobian[..., axis], expected, atol=ROUND_OFF)


def test_renormalisation_squares_the_deviation_from_orthogonality() -> None:
    rotation = exact(np.array([0.3, -0.5, 0.7]))
    noise = np.random.default_rng(0).normal(size=(3, 3))

    def deviation(matrix: np.ndarray) -> float:
        return float(np.abs(matrix.T @ matrix - np.eye(3)).max())

    for size in (1e-2, 1e-3):
        bent = rotation + size * noise
        mended = np.asarray(renormalize(mat3(bent)).stack())
        assert deviation(bent) > size
        # The deviation E becomes 3/4 E² + E³/4; nine products in each entry of E².
        assert deviation(mended) < 3.0 * deviation(bent) ** 2


def test_renormalisation_leaves_a_rotation_as_it_is() -> None:
    rotation = exact(np.array([0.3, -0.5, 0.7]))
    np.testing.assert_allclose(renormalize(mat3(rotation)).stack(), rotation, atol=ROUND_OFF)
