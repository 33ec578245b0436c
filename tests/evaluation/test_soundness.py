"""What an evaluation says about the physics of an episode."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.evaluation.soundness import describe, judge, observer
from diffsim.math.vectors import Vec3
from tests.gradients.mechanisms import pendulum
from tests.worlds import RADIUS, build, spheres_robot, with_motion


def seen(world, states):
    """Of several states, along a leading axis."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(observer(world), states))


def test_depth_is_that_of_the_deepest_contact_and_nothing_above_the_ground():
    world, state = build(spheres_robot({"a": {}, "b": {"position": [5.0, 0.0, 9.0]}}))

    def at(height):
        z = jnp.array([height, 9.0])
        return with_motion(state, position=state.pose.position._replace(z=z))

    found = judge(seen(world, [at(RADIUS - 0.01), at(RADIUS - 0.03), at(RADIUS + 1.0)]))
    assert found.penetration == pytest.approx(0.03, rel=1e-4)
    assert found.median_penetration == pytest.approx(0.01, rel=1e-4)
    assert judge(seen(world, [at(RADIUS + 1.0)])).penetration == 0.0


def test_contacts_are_seen_each_for_itself():
    world, state = build(spheres_robot({"a": {}, "b": {"position": [5.0, 0.0, 9.0]}}))
    height = jnp.array([RADIUS - 0.01, RADIUS + 0.2])
    normal = state.impulses.contact.normal
    apart = with_motion(state, position=state.pose.position._replace(z=height))
    contact = state.impulses.contact._replace(normal=normal.at[1].set(1.0))
    bounced = apart._replace(impulses=state.impulses._replace(contact=contact))
    found = seen(world, [apart, bounced])
    assert world.contacts.names == ("a/ground", "b/ground")
    assert np.asarray(found.depth) == pytest.approx(np.array([[0.01, -0.2]] * 2), abs=1e-6)
    assert np.asarray(found.touches).tolist() == [[True, False], [True, True]]
    places = np.asarray(found.place.stack())[0]
    assert places == pytest.approx(np.array([[0.0, 0.0, -0.01], [5.0, 0.0, 0.2]]), abs=1e-6)


def test_a_joint_that_comes_apart_and_a_motor_beyond_its_force_are_seen():
    world, state = build(pendulum(max_force=2.0))
    sound = judge(seen(world, [state]))
    assert sound.joint_drift < 1e-6
    assert sound.effort == 0.0
    moved = state.pose.position + Vec3(*(jnp.array([0.0, size]) for size in (0.0, 0.0, 0.004)))
    motor = jnp.full_like(state.impulses.motor, -5.0) * world.timestep
    torn = with_motion(state, position=moved, impulses=state.impulses._replace(motor=motor))
    watched = seen(world, [state, torn, state])
    assert np.asarray(watched.force)[:, 0] == pytest.approx([0.0, -5.0, 0.0])
    assert watched.depth.shape == (3, 0)
    found = judge(watched)
    assert found.joint_drift == pytest.approx(0.004, rel=1e-3)
    assert found.effort == pytest.approx(2.5, rel=1e-5)
    assert "4 mm" in describe(found)
    assert "250 %" in describe(found)
    assert np.isfinite(found).all()
