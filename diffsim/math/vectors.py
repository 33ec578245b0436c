"""Vectors and matrices in three dimensions, stored as separate component arrays.

A ``Vec3`` holds three arrays of one shape, typically ``(bodies,)``: a structure of arrays. Its
operators act on all bodies at once and read like the textbook::

    contact_velocity = velocity + angular_velocity.cross(offset)

On a CPU this layout vectorises over bodies and over robots, which lie along the last axis, where
arrays of shape ``(bodies, 3)`` leave inner loops of length 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.math.indexing import gather, scatter_add

Scalar = jax.Array | float
"""One number for each body, or a single one (Python floats are welcome, too)."""


class Vec3(NamedTuple):
    """A 3-vector, or an array of them: three component arrays of equal shape."""

    x: jax.Array
    y: jax.Array
    z: jax.Array

    def __add__(self, other: Vec3) -> Vec3:  # type: ignore[override]
        return Vec3(self.x + other.x, self.y + other.y, self.z + other.z)

    def __sub__(self, other: Vec3) -> Vec3:
        return Vec3(self.x - other.x, self.y - other.y, self.z - other.z)

    def __neg__(self) -> Vec3:
        return Vec3(-self.x, -self.y, -self.z)

    def __mul__(self, factor: Scalar) -> Vec3:  # type: ignore[override]
        """Product with a scalar (per body)."""
        return Vec3(self.x * factor, self.y * factor, self.z * factor)

    def __rmul__(self, factor: Scalar) -> Vec3:  # type: ignore[override]
        return self * factor

    def dot(self, other: Vec3) -> jax.Array:
        return self.x * other.x + self.y * other.y + self.z * other.z

    def cross(self, other: Vec3) -> Vec3:
        return Vec3(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )

    def squared_norm(self) -> jax.Array:
        return self.dot(self)

    def length(self) -> jax.Array:
        """Euclidean length, with zero gradient at zero; nan if a component is."""
        squared = self.squared_norm()
        positive = squared > 0.0
        # The other branch is 0, or nan: a comparison must not turn a nan into a number.
        return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), squared)

    def scale_components(self, factors: Vec3) -> Vec3:
        """Componentwise product, e.g. principal moments times a vector in the body frame."""
        return Vec3(self.x * factors.x, self.y * factors.y, self.z * factors.z)

    def gather(self, index: Sequence[int]) -> Vec3:
        """The vectors of the bodies at ``index``; zero for ``WORLD``."""
        return Vec3(*(gather(c, index) for c in self))

    def scatter_add(self, index: Sequence[int], update: Vec3) -> Vec3:
        """Add ``update`` to the bodies at ``index``; repeated indices accumulate."""
        return Vec3(*(scatter_add(c, index, u) for c, u in zip(self, update, strict=True)))

    def stack(self) -> jax.Array:
        """One array with the components along a new last axis: ``(..., 3)``."""
        return jnp.stack(self, axis=-1)


class Mat3(NamedTuple):
    """A 3×3 matrix, or an array of them, as its three columns."""

    c0: Vec3
    c1: Vec3
    c2: Vec3

    def __matmul__(self, other: Vec3) -> Vec3:
        """Matrix times vector."""
        return self.c0 * other.x + self.c1 * other.y + self.c2 * other.z

    def transpose_times(self, other: Vec3) -> Vec3:
        """Aᵀ b, without forming the transpose."""
        return Vec3(self.c0.dot(other), self.c1.dot(other), self.c2.dot(other))

    def transpose(self) -> Mat3:
        """Rows and columns exchanged."""
        return Mat3(*(Vec3(*row) for row in zip(*self, strict=True)))

    def times(self, other: Mat3) -> Mat3:
        """Matrix times matrix."""
        return Mat3(*(self @ column for column in other))

    def gather(self, index: Sequence[int]) -> Mat3:
        """The matrices of the bodies at ``index``; zero for ``WORLD``."""
        return Mat3(*(c.gather(index) for c in self))

    def stack(self) -> jax.Array:
        """One array ``(..., 3, 3)`` with rows before columns."""
        return jnp.stack([c.stack() for c in self], axis=-1)


class Sym3(NamedTuple):
    """A symmetric 3×3 matrix, or an array of them, as its six different entries."""

    xx: jax.Array
    yy: jax.Array
    zz: jax.Array
    xy: jax.Array
    xz: jax.Array
    yz: jax.Array

    def __add__(self, other: Sym3) -> Sym3:  # type: ignore[override]
        return Sym3(*(p + q for p, q in zip(self, other, strict=True)))

    def __matmul__(self, other: Vec3) -> Vec3:
        """Matrix times vector."""
        return Vec3(
            self.xx * other.x + self.xy * other.y + self.xz * other.z,
            self.xy * other.x + self.yy * other.y + self.yz * other.z,
            self.xz * other.x + self.yz * other.y + self.zz * other.z,
        )

    def rotated_by(self, rotation: Mat3) -> Sym3:
        """R S Rᵀ: the same tensor in the frame that R leads to."""
        a, b, c = rotation  # R S Rᵀ = Σ_ij S_ij r_i r_jᵀ over the columns r of R
        u = a * self.xx + b * self.xy + c * self.xz
        v = a * self.xy + b * self.yy + c * self.yz
        w = a * self.xz + b * self.yz + c * self.zz
        return Sym3(
            u.x * a.x + v.x * b.x + w.x * c.x,
            u.y * a.y + v.y * b.y + w.y * c.y,
            u.z * a.z + v.z * b.z + w.z * c.z,
            u.x * a.y + v.x * b.y + w.x * c.y,
            u.x * a.z + v.x * b.z + w.x * c.z,
            u.y * a.z + v.y * b.z + w.y * c.z,
        )

    def inverse(self) -> Sym3:
        """The inverse of a positive definite matrix, by cofactors."""
        xx = self.yy * self.zz - self.yz * self.yz
        yy = self.xx * self.zz - self.xz * self.xz
        zz = self.xx * self.yy - self.xy * self.xy
        xy = self.xz * self.yz - self.xy * self.zz
        xz = self.xy * self.yz - self.xz * self.yy
        yz = self.xy * self.xz - self.yz * self.xx
        factor = 1.0 / (self.xx * xx + self.xy * xy + self.xz * xz)
        return Sym3(*(cofactor * factor for cofactor in (xx, yy, zz, xy, xz, yz)))

    def gather(self, index: Sequence[int]) -> Sym3:
        """The matrices of the bodies at ``index``."""
        return Sym3(*(gather(c, index) for c in self))


def point_inertia(mass: Scalar, offset: Vec3) -> Sym3:
    """m (|r|² 1 − r rᵀ): inertia about the origin of a point mass at r (Steiner's term)."""
    x, y, z = offset
    return Sym3(
        mass * (y * y + z * z),
        mass * (x * x + z * z),
        mass * (x * x + y * y),
        -mass * x * y,
        -mass * x * z,
        -mass * y * z,
    )


def vec3(values: jax.Array) -> Vec3:
    """A ``Vec3`` from an array whose last axis holds the three components."""
    values = jnp.asarray(values)
    return Vec3(values[..., 0], values[..., 1], values[..., 2])


def mat3(values: jax.Array) -> Mat3:
    """A ``Mat3`` from an array ``(..., 3, 3)``, rows before columns."""
    values = jnp.asarray(values)
    return Mat3(vec3(values[..., 0]), vec3(values[..., 1]), vec3(values[..., 2]))


def stacked(vectors: Sequence[Vec3]) -> Vec3:
    """Several vectors along a new first axis."""
    return Vec3(*(jnp.stack(components) for components in zip(*vectors, strict=True)))


def where(condition: jax.Array, a: Vec3, b: Vec3) -> Vec3:
    """Componentwise selection between two vectors."""
    return Vec3(*(jnp.where(condition, p, q) for p, q in zip(a, b, strict=True)))
