"""The three kinds of data of the engine: the world, the state and the control.

The world holds what stays the same during a simulation: its static fields (names, indices) fix
the graph of computations, its leaves are numbers that can be differentiated. The state is what a
time step maps to the next one. The control is what a controller sets at each step.

Everything describes one robot in one world. Batch with ``jax.vmap``.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.engine.bodies import Bodies
from diffsim.engine.contacts import ContactImpulse, Contacts
from diffsim.engine.motors import Thrusters
from diffsim.engine.pytrees import pytree
from diffsim.engine.vectors import Mat3, Vec3


@pytree
class World:
    """Bodies, contacts and motors with all their parameters.

    Attributes:
        bodies: masses and moments of inertia.
        contacts: pairs of surfaces that may touch, with friction, restitution and softness.
        thrusters: actuators that push or twist one body.
        gravity: gravitational acceleration [m/s²], components of shape ().
        timestep: length of a time step [s], shape ().
    """

    bodies: Bodies
    contacts: Contacts
    thrusters: Thrusters
    gravity: Vec3
    timestep: jax.Array


class State(NamedTuple):
    """Motion of all bodies, and the impulses that warm-start the next solve.

    Attributes:
        position: centres of mass in the world frame [m], components (bodies,).
        rotation: body frame to world frame, components (bodies,).
        velocity: of the centres of mass, world frame [m/s], components (bodies,).
        angular_velocity: world frame [rad/s], components (bodies,).
        contact_impulse: accumulated over the last time step [N·s], components (contacts,).
        time: since the start [s], shape ().
    """

    position: Vec3
    rotation: Mat3
    velocity: Vec3
    angular_velocity: Vec3
    contact_impulse: ContactImpulse
    time: jax.Array


class Control(NamedTuple):
    """What the controller sets at a time step.

    Attributes:
        thrust: commands of the thrusters [N] or [N·m], shape (thrusters,).
    """

    thrust: jax.Array


def idle_control(world: World) -> Control:
    """The control that commands nothing."""
    return Control(thrust=jnp.zeros(world.thrusters.limit.shape, world.thrusters.limit.dtype))
