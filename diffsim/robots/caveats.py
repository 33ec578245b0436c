"""Sentences that say before a simulation where a robot is beyond what the engine resolves.

Each names the part, the numbers and the remedy. A run prints them and keeps them in its manifest;
``diffsim-check`` prints them, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from diffsim.joints.joint_type import Held
from diffsim.joints.joints import joint_frames
from diffsim.joints.table import JOINT_TYPES
from diffsim.math.indexing import WORLD
from diffsim.robots.config import RobotConfig
from diffsim.robots.contacts import contact_specs
from diffsim.robots.loads import pressing_forces, series_mass
from diffsim.shapes.geoms import NO_PART
from diffsim.world.world import State, World

DEEP = 0.33
"""Share of its radius to which the robot's own loads may press a contact in without a word."""
FAST = 1.0
"""Largest ω h of a link that swings under what hangs on it. A chain with 0.8 is right; with 1.2 its
energy grows a thousandfold (``tests/robots/test_caveats.py``)."""
OPEN = 1e-3
"""Error of a hard joint at the start that is worth saying [m] or [rad]."""
LISTED = 6
"""Names in one sentence."""


def caveats(robot: RobotConfig, world: World, state: State) -> list[str]:
    """Sentences about a robot in its world; none for one without surprises.

    Args:
        robot: a checked robot.
        world: of the robot, for its gravity and time step.
        state: at the start.
    """
    return [
        *_without_contacts(robot, world),
        *_deep_contacts(robot, world),
        *_fast_links(world),
        *_open_joints(robot, world, state),
    ]


def _without_contacts(robot: RobotConfig, world: World) -> Iterator[str]:
    """Name the bodies that touch nothing: those of boxes, and those that are told to."""
    touching = {world.parts.names[k] for k in world.geoms.parts if k != NO_PART}
    ghosts = [name for name in robot.bodies if name not in touching]
    if ghosts:
        more = f" and {len(ghosts) - LISTED} more" if len(ghosts) > LISTED else ""
        yield (
            "bodies without contacts, which pass through the ground and each other: "
            f"{', '.join(ghosts[:LISTED])}{more}"
        )


def _deep_contacts(robot: RobotConfig, world: World) -> Iterator[str]:
    """The contact that the robot's own loads press deepest, if that is deep."""
    contacts = world.contacts
    if not contacts.names:
        return
    worst = None
    specs = contact_specs(robot, dict(zip(world.parts.names, world.parts.body, strict=True)))
    ends = [spec.geoms for spec in specs]
    forces = map(float, pressing_forces(robot, world.gravity, ends))
    for number, (geoms, force) in enumerate(zip(ends, forces, strict=True)):
        radius = min(float(geom.shape.thickness(geom.size)) for geom in geoms)
        if contacts.by_stiffness[number]:
            stiffness = float(contacts.stiffness[number])
            law = f"contact_stiffness {stiffness:.3g} N/m"
        else:
            frequency = float(contacts.frequency[number])
            pair = contacts.body_a[number], contacts.body_b[number]
            mass = float(series_mass([world.bodies.mass[body] for body in pair if body != WORLD]))
            stiffness = (2.0 * math.pi * frequency) ** 2 * mass
            law = f"contact_frequency {frequency:g} Hz, {stiffness:.3g} N/m for {mass:.3g} kg"
            if contacts.least_stiffness is not None:
                stiffness = max(stiffness, float(contacts.least_stiffness[number]))
        depth = force / stiffness
        if worst is None or depth / radius > worst[0]:
            worst = (depth / radius, contacts.names[number], force, depth, law)
    if worst is not None and worst[0] > DEEP:
        share, name, force, depth, law = worst
        yield (
            f"contact {name} is soft ({law}): the robot's own {force:.3g} N press it in by "
            f"{1e3 * depth:.3g} mm, {100.0 * share:.3g} % of its radius; robot.contact_depth=0.05, "
            "contact_stiffness=<N/m> or contact_frequency=.inf make it stiffer"
        )


def _fast_links(world: World) -> Iterator[str]:
    """The link that swings fastest under what hangs on it, if a step does not resolve that.

    A link of inertia I about its joint, which at a distance a carries a weight T, swings with
    ω² = T a / I. Semi-implicit Euler follows that for ω h up to about 1.
    """
    joints, timestep = world.joints, float(world.timestep)
    mass = np.asarray(world.bodies.mass, float)
    gravity = float(np.linalg.norm([float(component) for component in world.gravity]))
    carried = mass.copy()  # by each body: itself and all beyond it
    carriers = {joints.child[j]: j for j, done in enumerate(joints.eliminated) if done}
    for body in reversed(world.tree.order):
        if body in carriers and joints.parent[carriers[body]] >= 0:
            carried[joints.parent[carriers[body]]] += carried[body]
    anchors = np.asarray(joints.child_frame.position.stack(), float).reshape(-1, 3)
    ends = np.asarray(joints.parent_frame.position.stack(), float).reshape(-1, 3)
    fastest = (0.0, -1, 0.0)
    for body, joint in carriers.items():
        if not any(unit == "rad" for unit in JOINT_TYPES[joints.types[joint]].units):
            continue
        xx, yy, zz, xy, xz, yz = (float(entry[body]) for entry in world.bodies.inertia)
        moments = np.linalg.eigvalsh([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        # About an axis across the link: the middle moment, and Steiner's term.
        inertia = moments[1] + mass[body] * float(anchors[joint] @ anchors[joint])
        for beyond, carrier in carriers.items():
            if joints.parent[carrier] == body:
                arm = float(np.linalg.norm(ends[carrier] - anchors[joint]))
                omega = math.sqrt(gravity * carried[beyond] * arm / inertia)
                fastest = max(fastest, (omega, joint, carried[beyond]))
    omega, joint, load = fastest
    if omega * timestep > FAST:
        yield (
            f"the time step does not resolve joint {joints.names[joint]}: under the {load:.3g} kg "
            f"that hang on it, its link swings with {omega:.3g} rad/s, ω h = "
            f"{omega * timestep:.2f}, and above {FAST:g} the motion gains energy; "
            f"simulation.dt={FAST / omega:.2g} or less, or a heavier link, is right"
        )


def _open_joints(robot: RobotConfig, world: World, state: State) -> Iterator[str]:
    """The joint that closes a loop and is farthest open at the start, if it is."""
    joints = world.joints
    loops = [j for j, name in enumerate(joints.names) if robot.joints[name].closes_loop]
    if not loops:
        return
    frames = joint_frames(joints, state.pose)
    errors = {j: _error(JOINT_TYPES[joints.types[j]].held(frames.gather((j,)))) for j in loops}
    worst = max(loops, key=lambda joint: max(errors[joint]))
    gap, angle = errors[worst]
    if max(gap, angle) > OPEN:
        yield (
            f"joint {joints.names[worst]} does not close at the start: it is {1e3 * gap:.3g} mm "
            f"and {1e3 * angle:.3g} mrad open, and pulled together by a share of that "
            "(solver.erp) in every step; positions of the other joints should close it"
        )


def _error(held: tuple[Held, ...]) -> tuple[float, float]:
    """Length of the errors along and about the held axes of one joint [m], [rad]."""
    along = [float(error[0]) for axis, error in held if axis.linear is not None]
    about = [float(error[0]) for axis, error in held if axis.linear is None]
    return math.hypot(*along), math.hypot(*about)
