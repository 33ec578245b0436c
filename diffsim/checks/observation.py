"""Observation of a moving robot: errors of its joints, contacts, energy and momentum."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.collisions.contacts import ContactFrame, detect
from diffsim.dynamics.bodies import inertia_times, kinetic_energy
from diffsim.joints.joints import joint_frames
from diffsim.joints.table import JOINT_TYPES
from diffsim.math.spatial import Motion
from diffsim.math.vectors import Vec3
from diffsim.world.world import State, World


class Observation(NamedTuple):
    """Observation of a state, arrays of shape () but for the first.

    Attributes:
        finite: whether a body's motion is a number, shape (bodies,).
        drift, drift_angle: largest error of hard joints [m], [rad].
        soft, soft_angle: the same of soft joints, which are meant to give way.
        penetration: depth of the deepest contact, negative if none touches [m].
        kinetic, potential: energy [J].
        momentum: shape (3,) [kg·m/s].
        momentum_scale: Σ m|v|.
        angular_momentum: about the centre of mass, shape (3,) [kg·m²/s].
        angular_scale: Σ |r × mv| + |Iω|.
    """

    finite: jax.Array
    drift: jax.Array
    drift_angle: jax.Array
    soft: jax.Array
    soft_angle: jax.Array
    penetration: jax.Array
    kinetic: jax.Array
    potential: jax.Array
    momentum: jax.Array
    momentum_scale: jax.Array
    angular_momentum: jax.Array
    angular_scale: jax.Array


def observe(world: World) -> Callable[[State], Observation]:
    """The observer of a world's states."""

    def of_state(state: State) -> Observation:
        mass = world.bodies.mass
        drift, soft = _joint_errors(world, state)
        momentum = state.twist.linear * mass
        whole_momentum = total(momentum)
        # About the centre of mass, and by the motion relative to it: free of where the origin is.
        whole = jnp.sum(mass)
        center = total(state.pose.position * mass) * (1.0 / whole)
        mean_velocity = whole_momentum * (1.0 / whole)
        orbital = (state.pose.position - center).cross((state.twist.linear - mean_velocity) * mass)
        spin = inertia_times(state.pose.rotation, world.bodies.inertia, state.twist.angular)
        kinetic = kinetic_energy(world.bodies, state.pose.rotation, state.twist)
        return Observation(
            finite=jnp.isfinite(kinetic + world.gravity.dot(state.pose.position)),
            drift=drift[0],
            drift_angle=drift[1],
            soft=soft[0],
            soft_angle=soft[1],
            penetration=_penetration(world, state),
            kinetic=jnp.sum(kinetic),
            potential=-jnp.sum(mass * world.gravity.dot(state.pose.position)),
            momentum=jnp.stack(whole_momentum),
            momentum_scale=jnp.sum(jnp.sqrt(momentum.squared_norm())),
            angular_momentum=jnp.stack(total(orbital + spin)),
            angular_scale=jnp.sum(jnp.sqrt(orbital.squared_norm()) + jnp.sqrt(spin.squared_norm())),
        )

    return of_state


def _joint_errors(
    world: World, state: State
) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
    """Largest errors of hard and of soft joints, each along and about their axes."""
    joints = world.joints
    frames = joint_frames(joints, state.pose)
    zero = jnp.zeros_like(world.timestep)
    largest = {(soft, turns): zero for soft in (False, True) for turns in (False, True)}
    for kind in dict.fromkeys(joints.types):
        index = tuple(k for k, other in enumerate(joints.types) if other == kind)
        is_soft = jnp.isfinite(joints.frequency[np.asarray(index)])
        for axis, error in JOINT_TYPES[kind].held(frames.gather(index)):
            for soft in (False, True):
                size = jnp.max(jnp.where(is_soft == soft, jnp.abs(error), 0.0))
                turns = axis.linear is None
                largest[soft, turns] = jnp.maximum(largest[soft, turns], size)
    return (
        (largest[False, False], largest[False, True]),
        (largest[True, False], largest[True, True]),
    )


def contact_frame(world: World, state: State) -> ContactFrame:
    """Geometry of the contacts where the bodies are now."""
    still = jax.tree.map(jnp.zeros_like, state.twist)
    return detect(world.contacts, world.geoms, Motion(state.pose, still), world.timestep)


def _penetration(world: World, state: State) -> jax.Array:
    if not world.contacts.names:
        return jnp.zeros_like(world.timestep)
    return jnp.max(-contact_frame(world, state).touch.separation)


def total(vectors: Vec3) -> Vec3:
    """The sum over all bodies."""
    return Vec3(*(jnp.sum(component) for component in vectors))
