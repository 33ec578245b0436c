"""The inverse of a Cholesky factor: what it is, and its derivative against that of plain code."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.math.inverse_factor import inverse_factor, plain_inverse_factor


def matrices(size: int, *behind: int) -> jax.Array:
    random = np.random.default_rng(size)
    roots = random.normal(size=(*behind, size, 2 * size))
    positive = roots @ np.swapaxes(roots, -1, -2)
    return jnp.asarray(np.moveaxis(positive, (-2, -1), (0, 1)))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("size", [0, 1, 2, 3, 6, 12])
def test_it_is_lower_triangular_and_whitens_the_matrix(size: int) -> None:
    matrix = matrices(size, 2, 3)
    inverse = inverse_factor(matrix)
    assert inverse.shape == matrix.shape
    above = ~np.tri(size, dtype=bool)
    assert not np.asarray(inverse)[above].any()
    white = np.einsum("ki...,kl...,lj...->ij...", inverse, matrix, inverse)
    unit = np.broadcast_to(np.eye(size)[:, :, None, None], matrix.shape)
    np.testing.assert_allclose(white, unit, atol=1e-10)


@pytest.mark.usefixtures("float64")
def test_what_is_above_the_diagonal_is_not_read() -> None:
    matrix = matrices(4, 3)
    lower = jnp.asarray(np.tri(4))[:, :, None]
    spoilt = jnp.where(lower > 0, matrix, 1e6)
    np.testing.assert_array_equal(inverse_factor(spoilt), inverse_factor(matrix))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("size", [1, 2, 3, 6, pytest.param(12, marks=pytest.mark.slow)])
def test_its_derivative_is_that_of_the_plain_code(size: int) -> None:
    """Forwards and backwards, to 1e-10 of the largest entry."""
    matrix = matrices(size, 2)
    random = np.random.default_rng(1)
    change, weight = (jnp.asarray(random.normal(size=matrix.shape)) for _ in range(2))
    for direction in (
        lambda function: jax.jvp(function, (matrix,), (change,))[1],
        lambda function: jax.vjp(function, matrix)[1](weight)[0],
    ):
        found, expected = direction(inverse_factor), direction(plain_inverse_factor)
        np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())
