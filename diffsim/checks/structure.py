"""Structure of a robot: bodies, joints, rows, freedoms, mass, sensors and actuators."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from diffsim.joints.table import JOINT_TYPES
from diffsim.robots.config import RobotConfig
from diffsim.robots.placement import carriers
from diffsim.sensors.sensors import Sensors
from diffsim.world.world import World


class RowCounts(NamedTuple):
    """Rows of the complementarity problem, one for each impulse.

    Attributes:
        joints: 6 − freedoms for each joint that is not eliminated.
        motors: one each.
        limits: one for each coordinate with a limit.
        contacts: a normal and two tangents each, the normal alone without friction.
    """

    joints: int
    motors: int
    limits: int
    contacts: int

    @property
    def total(self) -> int:
        return sum(self)


class Structure(NamedTuple):
    """The counts of one robot.

    Attributes:
        bodies: named in the file.
        simulated_bodies: after those on hard fixed joints are merged.
        joints: of the file, by type.
        soft_joints, loop_joints: how many of them are soft, or close a loop.
        freedoms: of the mechanism, its soft joints counted as if they were hard.
        freedoms_are_exact: else there are at least so many: what holds a loop may hold it twice.
        rows: that the chosen solver has.
        all_rows: with nothing merged and no joint eliminated.
        mass: of all bodies [kg].
    """

    bodies: int
    simulated_bodies: int
    joints: dict[str, int]
    soft_joints: int
    loop_joints: int
    freedoms: int
    freedoms_are_exact: bool
    rows: RowCounts
    all_rows: RowCounts
    mass: float


class Reading(NamedTuple):
    """One number that the controller gets."""

    name: str
    unit: str


def structure(robot: RobotConfig, world: World, all_rows_world: World) -> Structure:
    """Count everything.

    Args:
        robot: the file's data.
        world: built for the chosen solver.
        all_rows_world: built with nothing merged and no joint eliminated.
    """
    joints = robot.joints.values()
    loops = [joint for joint in joints if joint.closes_loop]
    roots = len(robot.bodies) - len(carriers(robot))
    freedoms = 6 * roots
    for joint in joints:
        own = JOINT_TYPES[joint.type].freedoms
        if joint.closes_loop:
            freedoms -= 6 - own
        elif joint.type != "free":
            freedoms += own
    return Structure(
        bodies=len(robot.bodies),
        simulated_bodies=len(world.bodies.names),
        joints=dict(Counter(joint.type for joint in joints)),
        soft_joints=sum(joint.frequency is not None for joint in joints),
        loop_joints=len(loops),
        freedoms=max(freedoms, 0),
        freedoms_are_exact=not loops,
        rows=count_rows(world),
        all_rows=count_rows(all_rows_world),
        mass=float(np.sum(world.bodies.mass)),
    )


def count_rows(world: World) -> RowCounts:
    """The rows that are solved in a time step of this world."""
    joints, drives = world.joints, world.drives
    limited = np.isfinite(drives.lower) | np.isfinite(drives.upper)
    return RowCounts(
        joints=sum(
            6 - JOINT_TYPES[kind].freedoms
            for kind, eliminated in zip(joints.types, joints.eliminated, strict=True)
            if not eliminated
        ),
        motors=sum(bool(motor) for motor in drives.motor),
        limits=int(np.sum(limited)),
        contacts=sum(1 if bare else 3 for bare in world.contacts.frictionless),
    )


def readings(robot: RobotConfig) -> list[Reading]:
    """All readings in the order in which a controller gets them."""
    sensors = Sensors(robot)
    return [Reading(*pair) for pair in zip(sensors.names, sensors.units, strict=True)]
