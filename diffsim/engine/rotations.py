"""Rotation matrices: from vectors, the update over one time step, the return to orthogonality."""

from __future__ import annotations

import jax.numpy as jnp

from diffsim.engine.vectors import Mat3, Vec3


def identity() -> Mat3:
    """No rotation, components of shape ()."""
    one, zero = jnp.ones(()), jnp.zeros(())
    return Mat3(Vec3(one, zero, zero), Vec3(zero, one, zero), Vec3(zero, zero, one))


def rotation_by(rotation_vector: Vec3) -> Mat3:
    """Rotation by the length of a vector [rad] about its direction; smooth at zero, too."""
    squared = rotation_vector.squared_norm()
    safe = squared > 1e-12  # below, the series' first terms are exact to float32's precision
    angle = jnp.sqrt(jnp.where(safe, squared, 1.0))
    sine = jnp.where(safe, jnp.sin(angle) / angle, 1.0 - squared / 6.0)
    rest = jnp.where(safe, (1.0 - jnp.cos(angle)) / angle**2, 0.5 - squared / 24.0)

    def turned(column: Vec3) -> Vec3:
        once = rotation_vector.cross(column)
        return column + once * sine + rotation_vector.cross(once) * rest

    return Mat3(*(turned(column) for column in identity()))


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


def rotate(rotation: Mat3, rotation_vector: Vec3) -> Mat3:
    """Rotate body frames by a rotation vector in the world frame: A′ = Cay(φ) A.

    The Cayley transform Cay(φ) = 1 + 2 ([a]× + [a]×²) / (1 + |a|²) with a = φ/2 is orthogonal for
    every φ, needs no square root or sine (so it is smooth at φ = 0), and turns by 2 arctan(|φ|/2):
    the angle's error is |φ|³/12 per step, below the first order of the time integration.
    """
    a = rotation_vector * 0.5
    factor = 2.0 / (1.0 + a.squared_norm())

    def turned(column: Vec3) -> Vec3:
        once = a.cross(column)
        return column + (once + a.cross(once)) * factor

    return renormalize(Mat3(*(turned(column) for column in rotation)))
