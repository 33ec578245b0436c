"""Robots that stand on the ground at the start."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from diffsim.collisions.contacts import detect
from diffsim.math.spatial import Motion
from diffsim.robots.config import WORLD_NAME, RobotConfig
from diffsim.robots.geoms import GROUND, geom_configs, touches_planes
from diffsim.world.world import State, World


def ground_gap(world: World, state: State) -> jax.Array | None:
    """Distance from a robot's lowest surface to the ground [m], shape (); negative below it.

    None for a robot that has nothing to touch the ground with.
    """
    contacts, names = world.contacts, world.geoms.names
    ends = zip(contacts.geom_a, contacts.geom_b, strict=True)
    at_ground = tuple(k for k, (a, b) in enumerate(ends) if GROUND in (names[a], names[b]))
    if not at_ground:
        return None
    still = jax.tree.map(jnp.zeros_like, state.twist)
    motion = Motion(state.pose, still)
    frame = detect(contacts.gather(at_ground), world.geoms, motion, world.timestep)
    return jnp.min(frame.touch.separation, axis=0)


def set_down(world: World, state: State) -> State:
    """The state with all bodies moved down, or up, until the lowest surface touches the ground."""
    gap = ground_gap(world, state)
    if gap is None:
        return state
    position = state.pose.position
    lowered = position._replace(z=position.z - gap)
    return state._replace(pose=state.pose._replace(position=lowered))


def bodies_at_ground(robot: RobotConfig) -> set[str]:
    """Bodies that can touch the ground, or another plane."""
    return {
        name
        for name, body in robot.bodies.items()
        if any(touches_planes(geom) for geom in geom_configs(body).values())
    }


def is_tied(robot: RobotConfig) -> bool:
    """Return whether any joint holds on to the world."""
    joints = robot.joints.values()
    return any(joint.parent == WORLD_NAME and joint.type != "free" for joint in joints)
