"""Drives: motors of one coordinate of a joint, and its limits.

A drive is a motor, a pair of limits, or both, on one coordinate; q̇ is its rate. Over one step of
length h the motor's impulse λ stays within its bounds, and the rate as near to the target as these
allow:

    position servo   q̇⁺ → clip(gain · (command − q), ±max_velocity),    |λ| ≤ max_force · h
    velocity servo   q̇⁺ → clip(command, ±max_velocity),                 |λ| ≤ max_force · h
    torque           λ = clip(command, ±max_force) · h

The limits of the coordinate do what is then still needed (``diffsim.constraints.limit``). Where a
command, a velocity or a force is clipped, the derivative is that of the bound.

The drift keeps the velocity that an unsaturated motor has reached and the impulse of a saturated
one, and is what moves a coordinate back to a limit that it has passed.

Source: Degrave et al. (2019), section 2 (servo motors with gain, maximal torque and velocity).
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.constraints.constraint import Impulse, Piece, StepStart, Velocity
from diffsim.constraints.effective_mass import regularized_inverse
from diffsim.constraints.limit import LimitTargets, limit_impulse, limit_targets
from diffsim.constraints.rows import (
    Rows,
    build_coordinate_rows,
    build_rows,
    independent_sets,
    opposite_pushes,
    own_inverse_mass,
)
from diffsim.joints.coordinates import joint_axes, joint_coordinates
from diffsim.joints.joint_type import about, along
from diffsim.joints.joints import Joints
from diffsim.joints.table import JOINT_TYPES
from diffsim.math.indexing import column, gather
from diffsim.math.pytrees import pytree, static
from diffsim.world.motors import Drives
from diffsim.world.world import Impulses, World


class DriveTargets(NamedTuple):
    """Demands of the motors on the solver, and those of the limits, shapes (drives,).

    Attributes:
        velocity: that a servo is after [rad/s] or [m/s].
        least_impulse, greatest_impulse: bounds of the motor's impulse [N·m·s] or [N·s].
        limit: what keeps the coordinate within its limits.
    """

    velocity: jax.Array
    least_impulse: jax.Array
    greatest_impulse: jax.Array
    limit: LimitTargets


@pytree
class DriveConstraint:
    """Motors and limits. Impulses: of the motor, and of the limits if there are any.

    Attributes:
        which: indices of the drives.
        joints: indices of their joints.
        limited: whether the coordinates have limits.
        rows: one direction, the rate of the coordinate.
        target: what motors and limits ask for.
        inverse_mass, mass: K and its reciprocal, shape (rows,).
    """

    which: tuple[int, ...] = static()
    joints: tuple[int, ...] = static()
    limited: bool = static()
    rows: Rows
    target: DriveTargets
    inverse_mass: jax.Array
    mass: jax.Array

    @property
    def moves_back(self) -> bool:
        return self.limited

    def ends(self, world: World) -> tuple[tuple[int, ...], ...]:
        return tuple(_ends(world.joints, joint) for joint in self.joints)

    def gather(self, impulses: Impulses) -> Impulse:
        motor = gather(impulses.motor, self.which)
        return (motor, gather(impulses.limit, self.which)) if self.limited else (motor,)

    def scatter(self, impulse: Impulse) -> list[Piece]:
        return [
            Piece(name, self.which, values)
            for name, values in zip(("motor", "limit"), impulse, strict=False)
        ]

    def total(self, impulse: Impulse) -> Impulse:
        return (impulse[0] + impulse[1],) if self.limited else impulse

    def respond(self, velocities: Velocity, impulse: Impulse) -> Impulse:
        (rate,) = velocities
        motor, *limit = impulse
        target = self.target
        wanted = motor + (target.velocity - rate) * self.mass
        new_motor = jnp.clip(wanted, target.least_impulse, target.greatest_impulse)
        if not limit:
            return (new_motor,)
        unlimited = rate + self.inverse_mass * (new_motor - motor - limit[0])
        return new_motor, limit_impulse(target.limit, unlimited, self.mass)

    def for_drift(
        self, before: Velocity, after: Velocity, impulse: Impulse, previous: Impulse
    ) -> tuple[DriveConstraint, Impulse]:
        (rate,) = after
        motor, target = impulse[0], self.target
        saturated = (motor <= target.least_impulse) | (motor >= target.greatest_impulse)
        drift = target._replace(
            velocity=rate,
            limit=target.limit.for_drift(),
            least_impulse=jnp.where(saturated, motor, -jnp.inf),
            greatest_impulse=jnp.where(saturated, motor, jnp.inf),
        )
        return dataclasses.replace(self, target=drift), impulse


def build(start: StepStart) -> list[DriveConstraint]:
    """Constraints for all drives."""
    drives, joints = start.world.drives, start.world.joints
    if not drives.names:
        return []
    position = joint_coordinates(joints, start.frames, drives.coordinate, start.state.angles)
    targets = drive_targets(drives, position, start.command, start.erp, start.world.timestep)

    eliminated = [joints.eliminated[joint] for joint, _ in drives.coordinate]
    kinds = [
        (number if done else (joints.types[joint], _turns(joints, (joint, number))), done, limited)
        for (joint, number), done, limited in zip(
            drives.coordinate, eliminated, drives.limited, strict=True
        )
    ]
    ends = [_ends(joints, joint) for joint, _ in drives.coordinate]
    return [
        _drive(start, members, jax.tree.map(partial(gather, index=members), targets))
        for members in independent_sets(start.world.tree, kinds, ends)
    ]


def _turns(joints: Joints, coordinate: tuple[int, int]) -> bool:
    joint, number = coordinate
    return JOINT_TYPES[joints.types[joint]].units[number] == "rad"


def _ends(joints: Joints, joint: int) -> tuple[int, ...]:
    """The bodies that a drive pushes; an eliminated joint's coordinate is its child's alone."""
    if joints.eliminated[joint]:
        return (joints.child[joint],)
    return joints.child[joint], joints.parent[joint]


def _drive(start: StepStart, members: tuple[int, ...], target: DriveTargets) -> DriveConstraint:
    """The constraint of drives of one kind that are updated at once."""
    world, drives, joints = start.world, start.world.drives, start.world.joints
    which = tuple(drives.coordinate[member] for member in members)
    index = tuple(joint for joint, _ in which)
    child = tuple(joints.child[joint] for joint in index)
    if joints.eliminated[index[0]]:
        rows = build_coordinate_rows(start.system, child, which[0][1])
        inverse_mass = rows.delassus()[0, 0]
        mass = 1.0 / inverse_mass  # a coordinate of an eliminated joint can always move
    else:
        parent = tuple(joints.parent[joint] for joint in index)
        # Also where it moves along an axis, too, a coordinate that turns is driven by a torque.
        axis = about if _turns(joints, which[0]) else along
        axes = [axis(joint_axes(joints, start.frames, which))]
        anchor = start.frames.gather(index).child.position
        pushes = opposite_pushes(axes, child, parent, anchor, start.state.pose.position)
        rows = build_rows(start.system, pushes)
        inverse_mass = rows.delassus()[0, 0]
        own = own_inverse_mass(world.bodies, start.state.pose.rotation, pushes)
        mass = regularized_inverse(inverse_mass, own[0])
    return DriveConstraint(
        which=members,
        joints=index,
        limited=drives.limited[members[0]],
        rows=rows,
        target=target,
        inverse_mass=inverse_mass,
        mass=mass,
    )


def drive_targets(
    drives: Drives, position: jax.Array, command: jax.Array, erp: float, timestep: jax.Array
) -> DriveTargets:
    """The law of the module's docstring.

    Args:
        drives: parameters.
        position: of the driven coordinates [rad] or [m], shape (drives,).
        command: of all motors in their order [rad, m, their rates, N·m or N], shape (motors,).
        erp: share of a limit's violation that is taken back in one step.
        timestep: [s].
    """
    given = gather(command, drives.command)
    given = jnp.clip(given, drives.lowest_command, drives.highest_command)
    is_servo, is_torque = (
        column([motor == kind for motor in drives.motor], position)
        for kind in ("position", "torque")
    )
    wanted = jnp.where(is_servo, drives.gain * (given - position), given)
    reach = drives.max_force * timestep
    torque = jnp.clip(given * timestep, -reach, reach)

    return DriveTargets(
        velocity=jnp.clip(wanted, -drives.max_velocity, drives.max_velocity),
        least_impulse=jnp.where(is_torque, torque, -reach),
        greatest_impulse=jnp.where(is_torque, torque, reach),
        limit=limit_targets(drives, position, erp, timestep),
    )
