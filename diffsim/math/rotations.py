"""Rotation matrices: from vectors, the update over one time step, the return to orthogonality."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from diffsim.math.indexing import WORLD, column
from diffsim.math.vectors import Mat3, Vec3


def identity() -> Mat3:
    """No rotation, components of shape ()."""
    one, zero = jnp.ones(()), jnp.zeros(())
    return Mat3(Vec3(one, zero, zero), Vec3(zero, one, zero), Vec3(zero, zero, one))


def rotation_by(rotation_vector: Vec3) -> Mat3:
    """Rotation by the length of a vector [rad] about its direction; smooth at zero, too."""
    return turned_by(rotation_vector, identity())


def rotate(rotation: Mat3, rotation_vector: Vec3) -> Mat3:
    """Rotate body frames by a rotation vector in the world frame, exactly: A′ = exp([φ]×) A."""
    return renormalize(turned_by(rotation_vector, rotation))


def turned_by(rotation_vector: Vec3, matrix: Mat3) -> Mat3:
    """Rodrigues' formula, 1 + sin θ/θ [φ]× + (1 − cos θ)/θ² [φ]×², times a matrix.

    Both factors by the half angle: 1 − cos θ would lose half of float32's digits.
    """
    squared = rotation_vector.squared_norm()
    safe = squared > 1e-12  # below, the series' first terms are exact to float32's precision
    half = 0.5 * jnp.sqrt(jnp.where(safe, squared, 1.0))
    sinc = jnp.where(safe, jnp.sin(half) / half, 1.0 - squared / 24.0)
    sine = sinc * jnp.where(safe, jnp.cos(half), 1.0 - squared / 8.0)
    rest = 0.5 * sinc * sinc

    def turned(column: Vec3) -> Vec3:
        once = rotation_vector.cross(column)
        return column + once * sine + rotation_vector.cross(once) * rest

    return Mat3(*(turned(column) for column in matrix))


def renormalize(a: Mat3) -> Mat3:
    """One Newton step to the nearest orthogonal matrix: A′ = (3A − A(AᵀA)) / 2.

    Its error is quadratic in the deviation of AᵀA from the identity; applied at every time step it
    keeps round-off from accumulating. Source: Degrave et al. (2019), equation 1.
    """
    gram = [[p.dot(q) for q in a] for p in a]  # AᵀA, symmetric
    columns = (
        a[j] * 1.5 - (a.c0 * gram[0][j] + a.c1 * gram[1][j] + a.c2 * gram[2][j]) * 0.5
        for j in range(3)
    )
    return Mat3(*columns)


def grounded(bodies: Sequence[int], rotation: Mat3) -> Mat3:
    """Rotations of some bodies, with the identity where zero has been read for the world."""
    is_world = np.asarray([body == WORLD for body in bodies])
    if not is_world.any():
        return rotation
    one = column(is_world, rotation.c0.x).astype(rotation.c0.x.dtype)
    return Mat3(
        rotation.c0._replace(x=rotation.c0.x + one),
        rotation.c1._replace(y=rotation.c1.y + one),
        rotation.c2._replace(z=rotation.c2.z + one),
    )
