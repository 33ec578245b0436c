"""The inverse of a Cholesky factor of small matrices whose entries are arrays.

A library's routines take one matrix after another; this takes one row of all matrices after the
other, which for matrices of up to a few dozen rows is many times faster on a CPU.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.math.contraction import contract
from diffsim.math.indexing import column


@jax.custom_jvp
def inverse_factor(matrix: jax.Array) -> jax.Array:
    """L⁻¹ of a positive definite M = Lᵀ L with L lower triangular, shape (rows, rows, ...).

    The factor goes from the last row to the first, as the degrees of freedom of a tree do from the
    leaves to the root. Only the lower triangle is read.
    """
    return plain_inverse_factor(matrix)


def plain_inverse_factor(matrix: jax.Array) -> jax.Array:
    """``inverse_factor`` with the derivative of its operations."""
    size = matrix.shape[0]
    if not size:
        return matrix
    reciprocal: list[Any] = [None] * size
    below: list[Any] = [None] * size
    rest = matrix
    for k in reversed(range(size)):
        last = rest[k]
        reciprocal[k] = jax.lax.rsqrt(last[k])
        if k:
            below[k] = last[:k] * reciprocal[k]
            rest = rest[:k, :k] - below[k][:, None] * below[k][None]
    # Column by column, what each row of the inverse takes from the rows behind it.
    factor = jnp.stack([_padded(row, size) for row in below[1:]]) if size > 1 else matrix
    rows = [reciprocal[0][None]]
    left = jnp.zeros((size - 1, 0, *matrix.shape[2:]), matrix.dtype)
    for k in range(1, size):
        beside = jnp.zeros_like(left[:, :1])
        taken = factor[k - 1 :, k - 1][:, None] * rows[-1][None]
        left = jnp.concatenate([left, beside], axis=1) - taken if k > 1 else -taken
        rows.append(jnp.concatenate([left[0] * reciprocal[k], reciprocal[k][None]]))
        left = left[1:]
    return jnp.stack([_padded(row, size) for row in rows])


def _padded(row: jax.Array, size: int) -> jax.Array:
    """A row with zeros behind it."""
    widths = [(0, size - row.shape[0], 0)] + [(0, 0, 0)] * (row.ndim - 1)
    return jax.lax.pad(row, jnp.zeros((), row.dtype), widths)


@inverse_factor.defjvp
def _inverse_factor_derivative(primals: Any, tangents: Any) -> Any:
    """dX = −X Φ(Xᵀ dM X), where Φ takes the lower triangle and half of the diagonal.

    From M = Lᵀ L follows Xᵀ dM X = (dL X)ᵀ + dL X with X = L⁻¹ and dL X lower triangular; and
    dX = −X dL X. Source: Giles, "An extended collection of matrix derivative results", 2008.
    """
    (matrix,), (change,) = primals, tangents
    inverse = inverse_factor(matrix)
    size = matrix.shape[0]
    if size == 0:
        return inverse, change
    half = column(np.tri(size) - 0.5 * np.eye(size), matrix[0]).astype(matrix.dtype)
    lower = change * half  # of the symmetric change: its lower triangle, and half of the diagonal
    through = contract("ik,kj->ij", lower, inverse)
    both = contract("ki,kj->ij", inverse, through) + contract("ki,kj->ij", through, inverse)
    return inverse, -contract("ik,kj->ij", inverse, both * half)
