"""Vectors and matrices in three dimensions, stored as separate component arrays.

A ``Vec3`` holds three arrays of one shape, typically ``(bodies,)``: a structure of arrays. Its
operators act on all bodies at once and read like the textbook::

    contact_velocity = velocity + angular_velocity.cross(offset)

On a CPU this layout vectorises over bodies and, under ``jax.vmap``, over robots, where arrays of
shape ``(bodies, 3)`` leave inner loops of length 3 (``docs/engine.md`` has the measurements).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.engine.indexing import gather, scatter_add

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

    def gather(self, index: Sequence[int]) -> Mat3:
        return Mat3(*(c.gather(index) for c in self))

    def stack(self) -> jax.Array:
        """One array ``(..., 3, 3)`` with rows before columns."""
        return jnp.stack([c.stack() for c in self], axis=-1)


def vec3(values: jax.Array) -> Vec3:
    """A ``Vec3`` from an array whose last axis holds the three components."""
    values = jnp.asarray(values)
    return Vec3(values[..., 0], values[..., 1], values[..., 2])


def mat3(values: jax.Array) -> Mat3:
    """A ``Mat3`` from an array ``(..., 3, 3)``, rows before columns."""
    values = jnp.asarray(values)
    return Mat3(vec3(values[..., 0]), vec3(values[..., 1]), vec3(values[..., 2]))


def where(condition: jax.Array, a: Vec3, b: Vec3) -> Vec3:
    """Componentwise selection between two vectors."""
    return Vec3(*(jnp.where(condition, p, q) for p, q in zip(a, b, strict=True)))
