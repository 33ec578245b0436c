"""Mass and principal moments of inertia of homogeneous shapes."""

from __future__ import annotations

import math

import jax

from diffsim.math.vectors import Vec3


def sphere_volume(radius: jax.Array) -> jax.Array:
    """Volume [m³] of a sphere of the given radius [m]."""
    return (4.0 / 3.0) * math.pi * radius**3


def sphere_inertia(mass: jax.Array, radius: jax.Array) -> Vec3:
    """Principal moments [kg·m²] of a homogeneous sphere: 2/5 m r² about every axis."""
    moment = 0.4 * mass * radius**2
    return Vec3(moment, moment, moment)


def box_volume(size: Vec3) -> jax.Array:
    """Volume [m³] of a box with the given edge lengths [m]."""
    return size.x * size.y * size.z


def box_inertia(mass: jax.Array, size: Vec3) -> Vec3:
    """Principal moments [kg·m²] of a homogeneous box: m (b² + c²) / 12 and cyclic."""
    xx, yy, zz = size.x**2, size.y**2, size.z**2
    twelfth = mass / 12.0
    return Vec3(twelfth * (yy + zz), twelfth * (xx + zz), twelfth * (xx + yy))
