"""Bodies with several geoms: one rigid body, however it is written down."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.robots.config import BodyConfig, GeomConfig, JointConfig, RobotConfig, ThrusterConfig
from diffsim.robots.replace import replace
from diffsim.world.world import part_motion
from tests.worlds import WEIGHTLESS, build, simulate

pytestmark = pytest.mark.usefixtures("float64")

ROUND_OFF = 1e-12
TURNED = [0.9, 0.1, -0.3, 0.2]
BAR = {"shape": "box", "size": [0.4, 0.1, 0.2]}
KNOB = {"shape": "sphere", "radius": 0.1, "density": 3000.0}
START = {
    "position": [0.1, 0.2, 0.6],
    "orientation": [0.8, 0.2, 0.1, -0.4],
    "velocity": [0.5, 0.0, -1.0],
    "angular_velocity": [1.0, 2.0, -1.0],
}


def as_geoms() -> RobotConfig:
    geoms = {
        "bar": GeomConfig(**BAR),
        "knob": GeomConfig(**KNOB, position=[0.3, 0.0, 0.1], orientation=TURNED, friction=0.3),
    }
    return RobotConfig(name="r", bodies={"bar": BodyConfig(geoms=geoms, **START)})


def as_bodies() -> RobotConfig:
    weld = JointConfig(
        type="fixed", parent="bar", child="knob", parent_offset=[0.3, 0.0, 0.1], orientation=TURNED
    )
    knob = BodyConfig(**KNOB, friction=0.3)
    bodies = {"bar": BodyConfig(**BAR, **START), "knob": knob}
    return RobotConfig(name="r", bodies=bodies, joints={"weld": weld})


def test_geoms_of_a_body_are_bodies_that_are_welded() -> None:
    (one, state), (other, other_state) = build(as_geoms()), build(as_bodies())
    assert one.geoms.names == ("bar.knob", "ground")
    for a, b in zip(jax.tree.leaves(one.bodies), jax.tree.leaves(other.bodies), strict=True):
        np.testing.assert_allclose(a, b, atol=ROUND_OFF)
    ends = []
    for world, start in ((one, state), (other, other_state)):
        states = simulate(world, start, steps=400)
        motion = jax.vmap(partial(part_motion, world.parts))(states)
        ends.append([np.asarray(part.stack())[:, 0] for part in (*motion.pose, *motion.twist)])
        assert float(states.impulses.contact.normal.max()) > 0.0, "it does not land"
    for a, b in zip(*ends, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)


def test_a_given_mass_is_shared_by_the_geoms_as_their_densities_say() -> None:
    robot = as_geoms()
    alone = build(robot)[0]
    mass = 2.0 * float(alone.bodies.mass[0])
    doubled = build(replace(robot, {"bodies.bar.mass": mass}))[0]
    np.testing.assert_allclose(doubled.bodies.inertia.xz, 2.0 * alone.bodies.inertia.xz, rtol=1e-12)
    np.testing.assert_allclose(
        doubled.parts.pose.position.stack(), alone.parts.pose.position.stack(), atol=ROUND_OFF
    )


def test_a_body_turns_about_its_centre_of_mass_and_not_about_its_frame() -> None:
    """Half a turn about z brings the frame from one side of the centre to the other."""
    body = BodyConfig(
        mass=2.0,
        inertia=[0.1, 0.2, 0.2],
        products_of_inertia=[0.0, 0.0, 0.01],
        center_of_mass=[0.3, 0.0, 0.0],
        angular_velocity=[0.0, 0.0, 0.0],
    )
    push = ThrusterConfig(body="b", axis=[1.0, 0.0, 0.0], limit=10.0)
    world, state = build(
        RobotConfig(name="r", bodies={"b": body}, thrusters={"push": push}), WEIGHTLESS, 0.001
    )
    np.testing.assert_allclose(state.pose.position.stack()[0], [0.3, 0.0, 0.0], atol=ROUND_OFF)
    assert float(world.bodies.inertia.yz[0]) == 0.01
    # A force acts at the centre of mass, and does not turn the body.
    states = simulate(world, state, jnp.array([4.0]), steps=100)
    assert float(jnp.abs(states.twist.angular.stack()).max()) == 0.0
    assert float(states.twist.linear.x[-1, 0]) == pytest.approx(4.0 / 2.0 * 0.1)
    motion = jax.vmap(partial(part_motion, world.parts))(states)
    np.testing.assert_allclose(
        motion.pose.position.x[:, 0], states.pose.position.x[:, 0] - 0.3, atol=ROUND_OFF
    )
