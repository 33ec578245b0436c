"""Rotation matrices: the update over one time step and the return to orthogonality."""

from __future__ import annotations

from diffsim.engine.vectors import Mat3, Vec3


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
