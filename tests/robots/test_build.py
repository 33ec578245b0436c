"""From a robot's data to the engine's world."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsim
from diffsim.math.indexing import WORLD
from diffsim.robots.build import build_world, initial_state
from diffsim.robots.config import BodyConfig, RobotConfig, ThrusterConfig
from diffsim.robots.replace import replace
from tests.robots_in_package import robot_config
from tests.worlds import DOWN, build, spheres_robot

# A few products in float32.
TOLERANCE = 1e-6
# The same in float64.
FINE_TOLERANCE = 1e-12


def one_body(**body: Any) -> RobotConfig:
    return RobotConfig(name="one", bodies={"body": BodyConfig(**body)})


def mass_and_inertia(**body: Any) -> tuple[float, list[float]]:
    bodies = build(one_body(**body))[0].bodies
    return float(bodies.mass[0]), [float(moment[0]) for moment in bodies.inertia[:3]]


def test_mass_and_inertia_follow_from_shape_and_density() -> None:
    mass, inertia = mass_and_inertia(shape="sphere", radius=0.2, density=500.0)
    expected = 500.0 * 4.0 / 3.0 * math.pi * 0.2**3
    assert mass == pytest.approx(expected, rel=TOLERANCE)
    assert inertia == pytest.approx([0.4 * expected * 0.2**2] * 3, rel=TOLERANCE)

    mass, inertia = mass_and_inertia(shape="box", size=[0.1, 0.2, 0.3])
    assert mass == pytest.approx(6.0, rel=TOLERANCE)
    assert inertia == pytest.approx([0.065, 0.05, 0.025], rel=TOLERANCE)


def test_a_given_mass_replaces_the_density() -> None:
    mass, inertia = mass_and_inertia(shape="sphere", radius=0.2, density=500.0, mass=3.0)
    assert mass == 3.0
    assert inertia == pytest.approx([0.4 * 3.0 * 0.2**2] * 3, rel=TOLERANCE)


@pytest.mark.parametrize("shape", [{"shape": "sphere", "radius": 0.2}, {"shape": "box"}])
def test_given_moments_of_inertia_are_taken_as_they_are(shape: dict[str, Any]) -> None:
    options = {"size": [0.1, 0.2, 0.3], "mass": 3.0, "inertia": [1.0, 2.0, 2.5], **shape}
    assert mass_and_inertia(**options) == (3.0, [1.0, 2.0, 2.5])


def test_a_motor_has_its_own_largest_force_or_the_robots() -> None:
    robot = replace(robot_config("arm"), {"max_force": 7.0, "motors.elbow_yaw.max_force": 3.0})
    drives = build(robot)[0].drives
    force = dict(zip(drives.names, np.asarray(drives.max_force), strict=True))
    assert force == {
        "shoulder_yaw": 7.0,
        "shoulder_pitch": 7.0,
        "elbow_yaw": 3.0,
        "elbow_pitch": 7.0,
    }


def test_a_body_has_its_own_friction_and_restitution_or_the_robots() -> None:
    robot = replace(
        spheres_robot({"a": {}, "b": {}, "c": {}}, [("a", "b"), ("c", "b")]),
        {
            "friction": 0.5,
            "restitution": 0.2,
            "bodies.b.friction": 0.9,
            "bodies.b.restitution": 0.0,
        },
    )
    contacts = build(robot)[0].contacts
    friction = dict(zip(contacts.names, np.asarray(contacts.friction), strict=True))
    restitution = dict(zip(contacts.names, np.asarray(contacts.restitution), strict=True))
    # The contact of two spheres has the mean of both.
    expected = {"a/ground": 0.5, "b/ground": 0.9, "c/ground": 0.5, "a/b": 0.7, "c/b": 0.7}
    assert friction == pytest.approx(expected, rel=TOLERANCE)
    expected = {"a/ground": 0.2, "b/ground": 0.0, "c/ground": 0.2, "a/b": 0.1, "c/b": 0.1}
    assert restitution == pytest.approx(expected, rel=TOLERANCE)


def test_only_spheres_with_ground_contact_touch_the_ground() -> None:
    robot = spheres_robot({"a": {}, "b": {"ground_contact": False}}, [("a", "b")])
    robot.bodies["c"] = BodyConfig(shape="box", size=[0.1, 0.1, 0.1])
    contacts = build(robot)[0].contacts
    assert contacts.names == ("a/ground", "a/b")
    assert contacts.body_a == (0, 0)
    assert contacts.body_b == (WORLD, 1)


def test_contacts_have_the_robots_softness_and_their_bodies_radii() -> None:
    robot = replace(
        spheres_robot({"a": {"radius": 0.1}, "b": {"radius": 0.3}}, [("a", "b")]),
        {"contact_frequency": 25.0, "contact_damping_ratio": 0.7},
    )
    world = build(robot)[0]
    contacts, geoms = world.contacts, world.geoms
    assert geoms.names == ("a", "b", "ground")
    np.testing.assert_allclose(geoms.sizes["sphere"]["radius"], [0.1, 0.3], rtol=TOLERANCE)
    assert list(zip(contacts.geom_a, contacts.geom_b, strict=True)) == [(0, 2), (1, 2), (0, 1)]
    np.testing.assert_allclose(contacts.thickness, [0.1, 0.3, 0.4], rtol=TOLERANCE)
    np.testing.assert_allclose(contacts.frequency, 25.0)
    np.testing.assert_allclose(contacts.damping_ratio, 0.7)


@pytest.mark.parametrize("seed", range(20))
def test_contacts_are_those_with_the_ground_and_the_pairs(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(2, 12))
    names = [f"s{k}" for k in range(count)]
    pairs = [(a, b) for k, a in enumerate(names) for b in names[k + 1 :] if random.random() < 0.4]
    bodies = {name: {"ground_contact": bool(random.random() < 0.7)} for name in names}
    # Building the numbers is slow; the graph is the same without them.
    contacts = jax.eval_shape(
        lambda: build_world(spheres_robot(bodies, pairs), DOWN, 1e-3)
    ).contacts

    grounded = [f"{name}/ground" for name in names if bodies[name]["ground_contact"]]
    assert sorted(contacts.names) == sorted(grounded + [f"{a}/{b}" for a, b in pairs])
    for name, a, b in zip(contacts.names, contacts.body_a, contacts.body_b, strict=True):
        assert name == f"{names[a]}/{'ground' if b == WORLD else names[b]}"


@pytest.mark.parametrize(
    ("quaternion", "x_axis", "y_axis"),
    [
        ([1.0, 0.0, 0.0, 0.0], [1, 0, 0], [0, 1, 0]),
        ([1.0, 0.0, 0.0, 1.0], [0, 1, 0], [-1, 0, 0]),  # a quarter turn about z
        ([3.0, 3.0, 0.0, 0.0], [1, 0, 0], [0, 0, 1]),  # about x, not normalised
        ([0.5, 0.0, 0.5, 0.0], [0, 0, -1], [0, 1, 0]),  # about y
    ],
)
def test_quaternions_are_w_x_y_z(
    quaternion: list[float], x_axis: list[float], y_axis: list[float]
) -> None:
    rotation = build(one_body(shape="sphere", radius=1.0, orientation=quaternion))[1].pose.rotation
    np.testing.assert_allclose(rotation.c0.stack()[0], x_axis, atol=TOLERANCE)
    np.testing.assert_allclose(rotation.c1.stack()[0], y_axis, atol=TOLERANCE)


@pytest.mark.usefixtures("float64")
def test_any_quaternion_gives_the_rotation_of_its_sandwich_product() -> None:
    w, x, y, z = q = np.random.default_rng(0).normal(size=4)
    rotation = build(one_body(shape="sphere", radius=1.0, orientation=q))[1].pose.rotation
    # R v = v + 2 (w (u × v) + u × (u × v)) / |q|², with u = (x, y, z).
    u = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    expected = np.eye(3) + 2.0 * (w * u + u @ u) / (q @ q)
    np.testing.assert_allclose(rotation.stack()[0], expected, atol=FINE_TOLERANCE)


def test_the_state_starts_as_the_config_says() -> None:
    robot = spheres_robot(
        {
            "a": {"position": [1.0, 2.0, 3.0], "velocity": [4.0, 5.0, 6.0]},
            "b": {"angular_velocity": [7.0, 8.0, 9.0]},
        },
        [("a", "b")],
    )
    _, state = build(robot)
    np.testing.assert_array_equal(state.pose.position.stack(), [[1, 2, 3], [0, 0, 0]])
    np.testing.assert_array_equal(state.twist.linear.stack(), [[4, 5, 6], [0, 0, 0]])
    np.testing.assert_array_equal(state.twist.angular.stack(), [[0, 0, 0], [7, 8, 9]])
    for impulse in state.impulses.contact:
        np.testing.assert_array_equal(impulse, np.zeros(3))
    assert float(state.time) == 0.0


def test_thrusters_have_unit_axes_and_their_bodies() -> None:
    push = ThrusterConfig(body="b", axis=[0.0, 3.0, 4.0], limit=2.0)
    twist = ThrusterConfig(body="a", type="torque", limit=5.0)
    robot = spheres_robot({"a": {}, "b": {}}, thrusters={"push": push, "twist": twist})
    thrusters = build(robot)[0].thrusters
    assert thrusters.names == ("push", "twist")
    assert thrusters.body == (1, 0)
    assert thrusters.is_torque == (False, True)
    np.testing.assert_allclose(
        thrusters.axis_local.stack(), [[0.0, 0.6, 0.8], [0.0, 0.0, 1.0]], atol=TOLERANCE
    )
    np.testing.assert_array_equal(thrusters.limit, [2.0, 5.0])


@pytest.mark.usefixtures("precision")
def test_all_numbers_have_one_precision(precision: str) -> None:
    robot = spheres_robot({"a": {}, "b": {"friction": 0.3}}, [("a", "b")])
    for leaf in jax.tree.leaves(build(robot)):
        assert leaf.dtype == precision
        assert not leaf.weak_type


def test_every_number_of_a_robot_may_be_traced() -> None:
    def built(x: jax.Array) -> Any:
        ball = BodyConfig(
            shape="sphere",
            radius=x,
            density=x,
            position=[x, x, x],
            orientation=[x, x, x, x],
            velocity=[x, x, x],
            angular_velocity=[x, x, x],
            friction=x,
            restitution=x,
        )
        box = BodyConfig(shape="box", size=[x, x, x], mass=x, inertia=[x, x, x])
        robot = RobotConfig(
            name="traced",
            bodies={"ball": ball, "other": dataclasses.replace(ball, friction=None), "box": box},
            friction=x,
            restitution=x,
            contact_frequency=x,
            contact_damping_ratio=x,
            contact_pairs=[["ball", "other"]],
            thrusters={"push": ThrusterConfig(body="box", axis=[x, x, x], limit=x)},
        )
        world = build_world(robot, [x, x, x], x)
        return world, initial_state(robot, world)

    for a, b in zip(
        jax.tree.leaves(jax.jit(built)(jnp.asarray(0.5))),
        jax.tree.leaves(built(jnp.asarray(0.5))),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=TOLERANCE)
    tangents = jax.jit(jax.jacfwd(built))(jnp.asarray(0.5))
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(tangents))


@pytest.mark.usefixtures("float64")
def test_the_derivative_by_the_radius_includes_mass_and_inertia() -> None:
    radius, density = 0.2, 500.0

    def built(radius: jax.Array) -> Any:
        return build_world(one_body(shape="sphere", radius=radius, density=density), DOWN, 1e-3)

    slope = jax.jit(jax.jacrev(built))(jnp.asarray(radius))
    # m = 4/3 π ρ r³, I = 2/5 m r².
    mass_slope = 4.0 * math.pi * density * radius**2
    inertia_slope = 5.0 * 0.4 * 4.0 / 3.0 * math.pi * density * radius**4
    assert float(slope.bodies.mass[0]) == pytest.approx(mass_slope, rel=FINE_TOLERANCE)
    assert float(slope.bodies.inertia.xx[0]) == pytest.approx(inertia_slope, rel=FINE_TOLERANCE)
    assert float(slope.geoms.sizes["sphere"]["radius"][0]) == 1.0


@pytest.mark.usefixtures("float64")
def test_the_derivative_by_the_size_of_a_box_includes_mass_and_inertia() -> None:
    def built(size: jax.Array) -> Any:
        return build_world(one_body(shape="box", size=list(size), density=1.0), DOWN, 1e-3)

    size = np.array([0.1, 0.2, 0.3])
    bodies = jax.jit(jax.jacrev(built))(jnp.asarray(size)).bodies
    a, b, c = size
    np.testing.assert_allclose(bodies.mass[0], [b * c, a * c, a * b], rtol=FINE_TOLERANCE)
    # I_x = a b c (b² + c²) / 12.
    expected = np.array(
        [b * c * (b**2 + c**2), a * c * (3 * b**2 + c**2), a * b * (b**2 + 3 * c**2)]
    )
    np.testing.assert_allclose(bodies.inertia.xx[0], expected / 12.0, rtol=FINE_TOLERANCE)


def test_states_begin_for_as_many_robots_as_the_simulator_is_of() -> None:
    robot = spheres_robot({"a": {}, "b": {}})
    several = diffsim.build_simulator(robot, robots=3)
    assert diffsim.init(robot, several, robots=3).pose.position.x.shape == (2, 3)
    one = diffsim.build_simulator(robot)
    assert diffsim.init(robot, one).pose.position.x.shape == (2,)
    for engine, robots in ((several, None), (one, 3)):
        with pytest.raises(ValueError, match="robots must fit the simulator"):
            diffsim.init(robot, engine, robots)
