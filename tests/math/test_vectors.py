"""Component arrays against numpy."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.math.vectors import Mat3, Vec3, mat3, vec3, where

# A few products and sums of numbers of order one in float32.
TOLERANCE = 1e-5

RANDOM = np.random.default_rng(0)
A, B = RANDOM.normal(size=(2, 7, 3)).astype(np.float32)
M = RANDOM.normal(size=(7, 3, 3)).astype(np.float32)
FACTOR = RANDOM.normal(size=7).astype(np.float32)


def close(actual: object, desired: np.ndarray) -> None:
    array = actual.stack() if isinstance(actual, Vec3 | Mat3) else actual
    np.testing.assert_allclose(array, desired, atol=TOLERANCE)


def test_arithmetic_of_vectors_is_that_of_numpy() -> None:
    a, b = vec3(A), vec3(B)
    close(a + b, A + B)
    close(a - b, A - B)
    close(-a, -A)
    close(a * FACTOR, A * FACTOR[:, None])
    close(2.0 * a, 2.0 * A)
    close(a.dot(b), (A * B).sum(-1))
    close(a.cross(b), np.cross(A, B))
    close(a.squared_norm(), (A**2).sum(-1))
    close(a.scale_components(b), A * B)


def test_products_of_matrices_and_vectors_are_those_of_numpy() -> None:
    m, a = mat3(M), vec3(A)
    close(m @ a, np.einsum("nij,nj->ni", M, A))
    close(m.transpose_times(a), np.einsum("nji,nj->ni", M, A))


def test_stack_undoes_vec3_and_mat3() -> None:
    np.testing.assert_array_equal(vec3(A).stack(), A)
    np.testing.assert_array_equal(mat3(M).stack(), M)


def test_a_matrix_holds_its_columns() -> None:
    np.testing.assert_array_equal(mat3(M).c1.stack(), M[:, :, 1])


def test_where_selects_whole_vectors() -> None:
    condition = FACTOR > 0.0
    assert condition.any()
    assert not condition.all()
    close(where(jnp.asarray(condition), vec3(A), vec3(B)), np.where(condition[:, None], A, B))


def test_gather_and_scatter_add_act_on_every_component() -> None:
    index = (2, 0, 2)
    np.testing.assert_array_equal(vec3(A).gather(index).stack(), A[list(index)])
    np.testing.assert_array_equal(mat3(M).gather(index).stack(), M[list(index)])
    expected = A.copy()
    np.add.at(expected, list(index), B[:3])
    close(vec3(A).scatter_add(index, vec3(B[:3])), expected)


def test_scatter_add_refuses_vectors_of_different_kind() -> None:
    with pytest.raises(ValueError, match="zip"):
        vec3(A).scatter_add((0,), (jnp.ones(1), jnp.ones(1)))  # type: ignore[arg-type]
