"""The three kinds of data of the engine: the world, the state and the control.

The world holds what stays the same during a simulation: its static fields (names, indices) fix
the graph of computations, its leaves are numbers that can be differentiated. The state is what a
time step maps to the next one. The control is what a controller sets at each step.

Everything describes one robot in one world. Batch with ``jax.vmap``, or put robots along the last
axis (``diffsim.simulate.batch``), which is faster on a CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.collisions.contacts import ContactImpulse, Contacts
from diffsim.dynamics.bodies import Bodies
from diffsim.dynamics.tree import Tree
from diffsim.joints.joints import Joints
from diffsim.joints.table import JOINT_TYPES
from diffsim.math.pytrees import pytree, static
from diffsim.math.spatial import Motion, Pose, Twist
from diffsim.math.vectors import Vec3
from diffsim.shapes.geoms import Geoms
from diffsim.world.motors import Drives, Thrusters

if TYPE_CHECKING:
    from jaxtyping import Float


@pytree
class Parts:
    """The bodies of a robot's file, and where they are on the bodies that are simulated.

    Bodies on hard fixed joints are merged into one before anything is simulated; what is seen of a
    robot, its sensors and its trajectory, goes by these parts.

    Attributes:
        names: one for each part.
        body: index of the simulated body that carries each part.
        pose: of the parts' frames in the bodies' frames, components (parts,).
    """

    names: tuple[str, ...] = static()
    body: tuple[int, ...] = static()
    pose: Annotated[Pose, "parts *robots"]

    def gather(self, index: Sequence[int]) -> Parts:
        """The parts at ``index``."""
        return Parts(
            tuple(self.names[k] for k in index),
            tuple(self.body[k] for k in index),
            self.pose.gather(index),
        )


@pytree
class World:
    """Bodies, joints, contacts and motors with all their parameters.

    Attributes:
        tree: the structure that the eliminated joints make.
        bodies: masses and moments of inertia.
        parts: the robot's named bodies.
        joints: what is connected, and how.
        geoms: surfaces that may touch.
        contacts: pairs of surfaces that may touch, with friction, restitution and softness.
        drives: motors and limits of the joints' coordinates.
        thrusters: actuators that push or twist one body.
        gravity: gravitational acceleration [m/s²], components of shape ().
        timestep: length of a time step [s], shape ().
    """

    tree: Tree = static()
    bodies: Bodies
    parts: Parts
    joints: Joints
    geoms: Geoms
    contacts: Contacts
    drives: Drives
    thrusters: Thrusters
    gravity: Annotated[Vec3, ""]
    timestep: Float[jax.Array, ""]


class Impulses(NamedTuple):
    """Impulses of all rows over the last time step, which warm-start the next solve.

    Attributes:
        joint: of joints that are not eliminated, 6 − freedoms for each [N·s] or [N·m·s].
        motor, limit: of the drives, shape (drives,) [N·s] or [N·m·s].
        contact: components (contacts,): normal, and along two tangents [N·s].
    """

    joint: Float[jax.Array, "held *robots"]
    motor: Float[jax.Array, "drives *robots"]
    limit: Float[jax.Array, "drives *robots"]
    contact: ContactImpulse


class State(NamedTuple):
    """Motion of all bodies, and the impulses that warm-start the next solve.

    Attributes:
        pose: of the bodies' frames, which sit at the centres of mass, components (bodies,).
        twist: velocities of the centres of mass and angular velocities, in the world frame,
            components (bodies,).
        acceleration: mean change of the twist in the last time step [m/s²], [rad/s²].
        impulses: of the last time step.
        angles: coordinates that count turns (``JointType.counts_turns``), to within half a turn
            [rad], shape (turning coordinates,); ``joint_coordinates`` makes exact ones of them.
        time: since the start [s], shape ().
        time_excess: by how much ``time`` is ahead, from rounding, shape () [s].
    """

    pose: Annotated[Pose, "bodies *robots"]
    twist: Annotated[Twist, "bodies *robots"]
    acceleration: Annotated[Twist, "bodies *robots"]
    impulses: Impulses
    angles: Float[jax.Array, "angles *robots"]
    time: Float[jax.Array, "*robots"]
    time_excess: Float[jax.Array, "*robots"]


class Control(NamedTuple):
    """Commands of a time step.

    Attributes:
        command: of the thrusters, then of the motors, shape (thrusters + motors,); in the units of
            each: [N], [N·m], [rad], [m], [rad/s] or [m/s].
    """

    command: Float[jax.Array, "commands *robots"]


def part_motion(parts: Parts, state: State) -> Motion:
    """Motion of all parts' frames in the world, components (parts,)."""
    position, turned = state.pose.gather(parts.body)
    arm = turned @ parts.pose.position
    twist = state.twist.gather(parts.body)
    return Motion(
        Pose(position + arm, turned.times(parts.pose.rotation)),
        Twist(twist.at(arm), twist.angular),
    )


def idle_control(world: World) -> Control:
    """The control that commands zero."""
    return Control(command=jnp.zeros(command_count(world), world.timestep.dtype))


def command_count(world: World) -> int:
    """The number of commands: those of the thrusters and of the motors."""
    return len(world.thrusters.names) + sum(bool(motor) for motor in world.drives.motor)


def idle_impulses(world: World) -> Impulses:
    """No impulses: how a simulation begins."""
    held = sum(
        6 - JOINT_TYPES[kind].freedoms
        for kind, eliminated in zip(world.joints.types, world.joints.eliminated, strict=True)
        if not eliminated
    )

    def zeros(count: int) -> jax.Array:
        return jnp.zeros(count, world.timestep.dtype)

    drives, contacts = len(world.drives.names), len(world.contacts.names)
    contact = ContactImpulse(zeros(contacts), zeros(contacts), zeros(contacts))
    return Impulses(zeros(held), zeros(drives), zeros(drives), contact)
