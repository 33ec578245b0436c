"""Numbers of a config, plain or traced, as arrays of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from diffsim.math.rotations import identity
from diffsim.math.spatial import Pose
from diffsim.math.vectors import Mat3, Vec3
from diffsim.robots.check_values import is_known
from diffsim.tables import Parameter


def dtype() -> Any:
    """float64 where JAX is set to it, else float32."""
    return jnp.result_type(float)


def number(value: Any) -> jax.Array:
    """An array of shape ()."""
    return jnp.asarray(value, dtype())


def numbers(values: list[Any]) -> jax.Array:
    """An array of shape (values,)."""
    return jnp.stack([number(v) for v in values]) if values else jnp.zeros(0, dtype())


def vector(values: Any) -> Vec3:
    """Three numbers as a vector with components of shape ()."""
    return Vec3(*(number(values[k]) for k in range(3)))


def stack_vectors(vectors: list[Vec3]) -> Vec3:
    """Components of shape (vectors,) from vectors with components of shape ()."""
    return Vec3(*(numbers([v[k] for v in vectors]) for k in range(3)))


def stack_matrices(matrices: list[Mat3]) -> Mat3:
    """Components of shape (matrices,) from matrices with components of shape ()."""
    return Mat3(*(stack_vectors([m[k] for m in matrices]) for k in range(3)))


def stack_poses(poses: list[Pose]) -> Pose:
    """Poses with components of shape (poses,) from poses with components of shape ()."""
    return Pose(
        stack_vectors([pose.position for pose in poses]),
        stack_matrices([pose.rotation for pose in poses]),
    )


def pose_of(thing: Any) -> Pose:
    """Pose of what has a ``position`` and an ``orientation`` in the config, components ()."""
    return Pose(vector(thing.position), rotation_of(thing.orientation))


def own_numbers(given: Mapping[str, Any], known: Mapping[str, Parameter]) -> dict[str, jax.Array]:
    """Parameters of a kind, as the file gives them or by default, each of shape ()."""
    return {name: number(given.get(name, parameter.default)) for name, parameter in known.items()}


def unit(values: Any) -> Vec3:
    """Three numbers, not all zero, as a unit vector."""
    v = vector(values)
    return v * (1.0 / jnp.sqrt(v.squared_norm()))


def is_upright(quaternion: Any) -> bool:
    """True if plain numbers say that nothing is turned: most parts of a robot's file do."""
    return is_known(quaternion) and [*quaternion] == [1.0, 0.0, 0.0, 0.0]


def rotation_of(quaternion: Any) -> Mat3:
    """Rotation matrix of a quaternion (w, x, y, z), which need not be normalised."""
    if is_upright(quaternion):
        return identity()
    w, x, y, z = (number(quaternion[k]) for k in range(4))
    s = 2.0 / (w * w + x * x + y * y + z * z)
    return Mat3(
        Vec3(1.0 - s * (y * y + z * z), s * (x * y + z * w), s * (x * z - y * w)),
        Vec3(s * (x * y - z * w), 1.0 - s * (x * x + z * z), s * (y * z + x * w)),
        Vec3(s * (x * z + y * w), s * (y * z - x * w), 1.0 - s * (x * x + y * y)),
    )
