"""Geometry and softness of contacts."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.collisions.contacts import ContactFrame, detect, tangents
from diffsim.constraints.softness import soft_constraint
from diffsim.math.spatial import Motion
from diffsim.math.vectors import vec3
from tests.worlds import build, spheres_robot

pytestmark = pytest.mark.usefixtures("float64")

# A few operations.
ROUND_OFF = 1e-14


def detected(
    positions: list[list[float]], radii: tuple[float, float] = (0.1, 0.25)
) -> ContactFrame:
    """Contacts a/ground, b/ground and a/b, in this order."""
    robot = spheres_robot(
        {
            name: {"position": p, "radius": r}
            for name, p, r in zip("ab", positions, radii, strict=True)
        },
        [("a", "b")],
    )
    world, state = build(robot)
    assert world.contacts.names == ("a/ground", "b/ground", "a/b")
    motion = Motion(state.pose, state.twist)
    return detect(world.contacts, world.geoms, motion, world.timestep)


def test_the_ground_is_a_plane_under_the_sphere() -> None:
    frame = detected([[3.0, -2.0, 0.5], [0.0, 0.0, 0.2]])
    np.testing.assert_allclose(frame.touch.separation[:2], [0.4, -0.05], atol=ROUND_OFF)
    np.testing.assert_array_equal(frame.touch.normal.stack()[:2], [[0, 0, 1], [0, 0, 1]])
    np.testing.assert_array_equal(frame.tangent_1.stack()[:2], [[1, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(frame.tangent_2.stack()[:2], [[0, 1, 0], [0, 1, 0]])
    np.testing.assert_allclose(
        frame.touch.offset_a.stack()[:2], [[0, 0, -0.1], [0, 0, -0.25]], atol=ROUND_OFF
    )
    # The world's own point is on the plane.
    np.testing.assert_allclose(
        frame.touch.offset_b.stack()[:2], [[3.0, -2.0, 0.0], [0.0, 0.0, 0.0]], atol=ROUND_OFF
    )


def test_the_normal_of_two_spheres_points_from_b_to_a() -> None:
    a, b = np.array([0.3, 0.4, 1.0]), np.array([0.1, 0.5, 1.2])
    frame = detected([a.tolist(), b.tolist()])
    distance = np.linalg.norm(a - b)
    normal = (a - b) / distance
    np.testing.assert_allclose(frame.touch.normal.stack()[2], normal, atol=ROUND_OFF)
    np.testing.assert_allclose(frame.touch.separation[2], distance - 0.35, atol=ROUND_OFF)
    # From the centres to the two surfaces, which are the separation apart.
    on_a, on_b = a + frame.touch.offset_a.stack()[2], b + frame.touch.offset_b.stack()[2]
    np.testing.assert_allclose(on_a - on_b, frame.touch.separation[2] * normal, atol=ROUND_OFF)


def test_coincident_spheres_get_the_upward_normal() -> None:
    frame = detected([[0.3, 0.4, 1.0], [0.3, 0.4, 1.0]])
    np.testing.assert_array_equal(frame.touch.normal.stack()[2], [0, 0, 1])
    np.testing.assert_allclose(frame.touch.separation[2], -0.35, atol=ROUND_OFF)


def normals() -> np.ndarray:
    """Random ones, the axes, and some close to ±y and to where the helper axis switches."""
    random = np.random.default_rng(0).normal(size=(200, 3))
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    near_y = np.array([[1e-9, s, -1e-9] for s in (1.0, -1.0)])
    switch = np.array([[0.0, s, 0.6] for s in (0.8, 0.8 - 1e-12, 0.8 + 1e-12, -0.8 - 1e-12)])
    every = np.concatenate([random, axes, near_y, switch])
    return every / np.linalg.norm(every, axis=1, keepdims=True)


def test_tangents_complete_any_normal_to_a_right_handed_frame() -> None:
    normal = normals()
    first, second = (np.asarray(t.stack()) for t in tangents(vec3(normal)))
    frame = np.stack([first, second, normal], axis=-1)
    np.testing.assert_allclose(
        np.swapaxes(frame, 1, 2) @ frame, np.broadcast_to(np.eye(3), frame.shape), atol=ROUND_OFF
    )
    np.testing.assert_allclose(np.linalg.det(frame), 1.0, atol=ROUND_OFF)


def test_tangents_have_finite_derivatives_for_any_normal() -> None:
    jacobian = jax.vmap(jax.jacrev(lambda n: jnp.stack([t.stack() for t in tangents(vec3(n))])))
    assert np.all(np.isfinite(jacobian(normals())))


def test_a_soft_constraint_is_an_implicit_spring_and_damper() -> None:
    """One implicit step of m a = −k x − c v from (x, v), against v⁺ + cfm λ = −erp x / h."""
    mass, frequency, damping_ratio, timestep = 2.0, 7.0, 0.3, 0.01
    stiffness = mass * (2.0 * np.pi * frequency) ** 2
    damping = 2.0 * damping_ratio * mass * 2.0 * np.pi * frequency
    x, v = -0.01, -0.5
    after = (mass * v - timestep * stiffness * x) / (
        mass + timestep * damping + timestep**2 * stiffness
    )
    erp, cfm_ratio = soft_constraint(frequency, damping_ratio, timestep)
    impulse = mass * (after - v)
    residual = after + cfm_ratio / mass * impulse + erp * x / timestep
    assert float(residual) == pytest.approx(0.0, abs=ROUND_OFF)


def test_an_infinite_frequency_is_rigid() -> None:
    erp, cfm_ratio = soft_constraint(jnp.array(jnp.inf), jnp.array(1.0), 0.01)
    assert (float(erp), float(cfm_ratio)) == (1.0, 0.0)


def test_a_low_frequency_leaves_the_contact_free() -> None:
    erp, cfm_ratio = soft_constraint(jnp.array(1e-6), jnp.array(1.0), 0.01)
    assert float(erp) < 1e-6
    assert float(cfm_ratio) > 1e6


def test_without_damping_the_error_is_reduced_at_once() -> None:
    erp, cfm_ratio = soft_constraint(jnp.array(10.0), jnp.array(0.0), 0.01)
    assert float(erp) == 1.0
    assert float(cfm_ratio) == pytest.approx((1.0 / (2.0 * np.pi * 0.1)) ** 2)
