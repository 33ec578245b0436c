"""World and initial state from a robot's data.

All functions are pure and traceable: any number in the ``RobotConfig`` may be a traced array, so
the derivative with respect to a radius or a length, say, includes what follows from it: mass and
inertia, and where everything is that hangs on the body.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from diffsim.dynamics.bodies import Bodies
from diffsim.dynamics.tree import Tree, build_tree
from diffsim.joints.coordinates import turning_coordinates
from diffsim.joints.joints import Joints
from diffsim.joints.table import JOINT_TYPES
from diffsim.math.indexing import WORLD
from diffsim.math.rotations import identity
from diffsim.math.spatial import Motion, Pose, Twist
from diffsim.math.vectors import Sym3, Vec3
from diffsim.robots.check import check_robot
from diffsim.robots.config import WORLD_NAME, JointConfig, RobotConfig, motor_limit
from diffsim.robots.contacts import build_contacts, build_geoms, contact_specs
from diffsim.robots.masses import mass_properties, together
from diffsim.robots.numbers import (
    number,
    numbers,
    stack_poses,
    stack_vectors,
    unit,
    vector,
)
from diffsim.robots.placement import carriers, mounting, parameters_of, place, relative_pose
from diffsim.simulate.batch import alone, side_by_side
from diffsim.simulate.simulator import Engine, Simulator
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.validation import check
from diffsim.world.motors import Drives, Thrusters
from diffsim.world.world import Parts, State, World, idle_impulses

USUAL_SOLVER = ProjectedGaussSeidel()


def build_world(
    robot: RobotConfig,
    gravity: Any,
    timestep: Any,
    *,
    eliminate_joints: bool = True,
    merge_fixed: bool = True,
) -> World:
    """The world of a robot.

    Args:
        robot: numbers in it may be traced; those that are not are checked.
        gravity: three numbers [m/s²].
        timestep: [s].
        eliminate_joints: solve hard joints exactly; else they are rows for the solver's sweeps,
            as are soft joints and those that close loops in any case.
        merge_fixed: make one body of those on hard fixed joints.

    Raises:
        ConfigError: if the robot is not one that can be built.
    """
    check(robot, "robot")
    check_robot(robot)
    tree, links, names = _structure(robot, eliminate_joints, merge_fixed)
    index = {part: k for k, link in enumerate(links) for part in link.parts}
    bodies = Bodies(
        names=tuple(link.name for link in links),
        mass=numbers([link.mass for link in links]),
        inertia=Sym3(*(numbers([link.inertia[k] for link in links]) for k in range(6))),
    )
    parts = _parts(robot, links, index)
    specs = contact_specs(robot, index)
    geoms = build_geoms(robot, parts, specs)
    return World(
        tree=tree,
        bodies=bodies,
        parts=parts,
        joints=_joints(robot, links, index, names, eliminate_joints),
        geoms=geoms,
        contacts=build_contacts(robot, geoms, bodies.mass, specs, vector(gravity)),
        drives=_drives(robot, names, tree),
        thrusters=_thrusters(robot, links, index),
        gravity=vector(gravity),
        timestep=number(timestep),
    )


def _structure(
    robot: RobotConfig, eliminate_joints: bool, merge_fixed: bool
) -> tuple[Tree, list[_Link], list[str]]:
    """The tree, the simulated bodies and the names of the joints between them.

    All are in the order of the tree, in which whatever is treated at once is a slice.
    """
    links = _links(robot, merge_fixed)
    names = [name for name, joint in robot.joints.items() if not _is_inside(joint, links)]
    tree = _tree(robot, links, names, eliminate_joints)
    links = [links[k] for k in tree.order]
    index = {part: k for k, link in enumerate(links) for part in link.parts}
    names.sort(key=lambda name: index[robot.joints[name].child])
    return _tree(robot, links, names, eliminate_joints), links, names


def build_simulator(
    robot: RobotConfig,
    gravity: Any = (0.0, 0.0, -9.81),
    timestep: Any = 0.01,
    *,
    solver: ProjectedGaussSeidel = USUAL_SOLVER,
    robots: int | None = None,
) -> Engine:
    """The engine with the world of a robot, or of several like it side by side.

    Args:
        robot, gravity, timestep: as for ``build_world``.
        solver: of the complementarity problem.
        robots: how many, along the last axis of every array; None for one, without such an axis.

    Raises:
        ConfigError: if the robot is not one that can be built.
    """
    world = build_world(robot, gravity, timestep)
    return Engine(world if robots is None else side_by_side(world, (), robots)[0], solver)


def init(robot: RobotConfig, simulator: Simulator, robots: int | None = None) -> State:
    """The state in which a robot begins, or so many side by side.

    Raises:
        ValueError: if the simulator is of one robot and these are several, or the other way round.
    """
    shared = simulator.world.bodies.mass.ndim == 2
    if shared != (robots is not None):
        what = "several robots" if shared else "one robot"
        raise ValueError(f"robots must fit the simulator, which is of {what}, got {robots}")
    if robots is None:
        return initial_state(robot, simulator.world)
    world = alone(simulator.world)
    state: State = side_by_side(world, initial_state(robot, world), robots)[1]
    return state


def initial_state(robot: RobotConfig, world: World) -> State:
    """Bodies as the robot's data place them, no impulses yet."""
    placed = place(robot)
    motions = []
    for body, name in enumerate(world.bodies.names):
        (pose, twist), part = placed[name], world.parts.names.index(name)
        assert world.parts.body[part] == body
        offset = Vec3(*(component[part] for component in world.parts.pose.position))
        to_center = -(pose.rotation @ offset)  # the part's own axes are the body's
        at_center = Twist(twist.at(to_center), twist.angular)
        motions.append(Motion(pose._replace(position=pose.position + to_center), at_center))
    zero = stack_vectors([vector([0, 0, 0])] * len(motions))
    return State(
        pose=stack_poses([pose for pose, _ in motions]),
        twist=Twist(
            stack_vectors([twist.linear for _, twist in motions]),
            stack_vectors([twist.angular for _, twist in motions]),
        ),
        acceleration=Twist(zero, zero),
        impulses=idle_impulses(world),
        angles=_angles(robot, world),
        time=number(0.0),
        time_excess=number(0.0),
    )


def _angles(robot: RobotConfig, world: World) -> jax.Array:
    """Coordinates that count turns at the start, as the robot's data say [rad].

    They are those of ``JointType.counts_turns``. Those of joints that close a loop follow from the
    others, and count from within half a turn.
    """
    starts = []
    for joint, coordinate in turning_coordinates(world.joints):
        position = robot.joints[world.joints.names[joint]].position
        starts.append(0.0 if position is None else position[coordinate])
    return jax.lax.stop_gradient(numbers(starts))


@dataclasses.dataclass(frozen=True)
class _Link:
    """Parts that are simulated as one body, in the frame of the first of them.

    Attributes:
        parts: names; the first one's axes are the body's.
        poses: of the parts' frames in the body's, whose origin is the centre of mass.
    """

    parts: tuple[str, ...]
    mass: jax.Array
    inertia: Sym3
    poses: dict[str, Pose]

    @property
    def name(self) -> str:
        return self.parts[0]


def _links(robot: RobotConfig, merge_fixed: bool) -> list[_Link]:
    """The bodies to be simulated: those of the robot, merged where fixed joints hold them."""
    members: dict[str, list[str]] = {}
    poses: dict[str, Pose] = {}
    first: dict[str, str] = {}
    carried = carriers(robot)
    roots = [name for name in robot.bodies if name not in carried]
    for name in [*roots, *carried]:
        joint = robot.joints[carried[name]] if name in carried else None
        if merge_fixed and joint is not None and _merges(joint):
            poses[name] = poses[joint.parent].times(relative_pose(joint, mounting(robot, joint)))
            first[name] = first[joint.parent]
        else:
            poses[name], first[name] = Pose(vector([0, 0, 0]), identity()), name
        members.setdefault(first[name], []).append(name)
    return [_merge(robot, names, poses) for names in members.values()]


def _merges(joint: JointConfig) -> bool:
    return joint.type == "fixed" and joint.frequency is None and joint.parent != WORLD_NAME


def _merge(robot: RobotConfig, names: list[str], poses: dict[str, Pose]) -> _Link:
    """Total mass, centre of mass and inertia of some bodies, by Steiner's theorem."""
    pieces = [mass_properties(robot.bodies[name]) for name in names]
    if len(names) > 1:  # else the first one's frame is its own
        pieces = [own.seen_from(poses[name]) for name, own in zip(names, pieces, strict=True)]
    mass, center, inertia = together(pieces)
    own_poses = {name: Pose(poses[name].position - center, poses[name].rotation) for name in names}
    return _Link(tuple(names), mass, inertia, own_poses)


def _is_inside(joint: JointConfig, links: list[_Link]) -> bool:
    """True if a joint lies inside one body, or is free."""
    return joint.type == "free" or any(
        joint.parent in link.parts and joint.child in link.parts for link in links
    )


def _is_eliminated(joint: JointConfig, eliminate_joints: bool) -> bool:
    return eliminate_joints and joint.frequency is None and not joint.closes_loop


def _tree(robot: RobotConfig, links: list[_Link], names: list[str], eliminate_joints: bool) -> Tree:
    index = {part: k for k, link in enumerate(links) for part in link.parts}
    joints = [robot.joints[name] for name in names]
    return build_tree(
        bodies=len(links),
        joints=tuple(
            k for k, joint in enumerate(joints) if _is_eliminated(joint, eliminate_joints)
        ),
        types=tuple(joint.type for joint in joints),
        freedoms=tuple(JOINT_TYPES[joint.type].freedoms for joint in joints),
        parent=tuple(index.get(joint.parent, WORLD) for joint in joints),
        child=tuple(index[joint.child] for joint in joints),
    )


def _joints(
    robot: RobotConfig,
    links: list[_Link],
    index: dict[str, int],
    names: list[str],
    eliminate_joints: bool,
) -> Joints:
    joints = [robot.joints[name] for name in names]
    mounts = [mounting(robot, joint) for joint in joints]

    def on_body(part: str, frame: Pose) -> Pose:
        return frame if part == WORLD_NAME else links[index[part]].poses[part].times(frame)

    return Joints(
        names=tuple(names),
        types=tuple(joint.type for joint in joints),
        parent=tuple(index.get(joint.parent, WORLD) for joint in joints),
        child=tuple(index[joint.child] for joint in joints),
        eliminated=tuple(_is_eliminated(joint, eliminate_joints) for joint in joints),
        parent_frame=stack_poses(
            [on_body(j.parent, m.parent) for j, m in zip(joints, mounts, strict=True)]
        ),
        child_frame=stack_poses(
            [on_body(j.child, m.child) for j, m in zip(joints, mounts, strict=True)]
        ),
        frequency=numbers([jnp.inf if j.frequency is None else j.frequency for j in joints]),
        damping_ratio=numbers([joint.damping_ratio for joint in joints]),
        parameters=_parameters(joints),
    )


def _parameters(joints: list[JointConfig]) -> dict[str, jax.Array]:
    """Numbers of the joints' types, each of shape (joints,); 0 for those that have no such one."""
    own = [parameters_of(joint) for joint in joints]
    names = dict.fromkeys(name for values in own for name in values)
    return {name: numbers([values.get(name, 0.0) for values in own]) for name in names}


def _parts(robot: RobotConfig, links: list[_Link], index: dict[str, int]) -> Parts:
    names = list(robot.bodies)
    return Parts(
        names=tuple(names),
        body=tuple(index[name] for name in names),
        pose=stack_poses([links[index[name]].poses[name] for name in names]),
    )


def _drives(robot: RobotConfig, joint_names: list[str], tree: Tree) -> Drives:
    """Coordinates with a motor or a limit; those that are updated at once follow each other."""
    places = {name: k for k, name in enumerate(joint_names)}
    motors = {(motor.joint, motor.coordinate): name for name, motor in robot.motors.items()}
    commands = list(robot.motors)
    limited = [
        (name, k)
        for name, joint in robot.joints.items()
        if joint.lower is not None or joint.upper is not None
        for k in range(JOINT_TYPES[joint.type].freedoms)
    ]
    order = {joint: g for g, group in enumerate(tree.groups) for joint in group.joints}
    both = sorted(
        dict.fromkeys([*motors, *limited]),
        key=lambda c: (order.get(places[c[0]], len(tree.groups)), c[1], places[c[0]]),
    )

    def bound(values: Any, number: int, missing: float) -> Any:
        return missing if values is None else values[number]

    def of_motor(read: Any, missing: float) -> jax.Array:
        return numbers([read(robot.motors[motors[c]]) if c in motors else missing for c in both])

    def command_bound(end: int, missing: float) -> jax.Array:
        return of_motor(lambda motor: bound(motor.command_range, end, missing), missing)

    return Drives(
        names=tuple(motors.get((name, k), name) for name, k in both),
        coordinate=tuple((places[name], k) for name, k in both),
        motor=tuple(robot.motors[motors[c]].type if c in motors else "" for c in both),
        command=tuple(commands.index(motors[c]) if c in motors else -1 for c in both),
        limited=tuple(c in limited for c in both),
        gain=of_motor(lambda motor: motor.gain, 0.0),
        max_force=of_motor(lambda motor: motor_limit(robot, motor), 0.0),
        max_velocity=of_motor(lambda motor: motor.max_velocity, 0.0),
        lowest_command=command_bound(0, -jnp.inf),
        highest_command=command_bound(1, jnp.inf),
        lower=numbers([bound(robot.joints[name].lower, k, -jnp.inf) for name, k in both]),
        upper=numbers([bound(robot.joints[name].upper, k, jnp.inf) for name, k in both]),
    )


def _thrusters(robot: RobotConfig, links: list[_Link], index: dict[str, int]) -> Thrusters:
    """Thrusters; on a merged body, a force still acts at its part's centre of mass."""
    thrusters = robot.thrusters.values()
    return Thrusters(
        names=tuple(robot.thrusters),
        body=tuple(index[t.body] for t in thrusters),
        is_torque=tuple(t.type == "torque" for t in thrusters),
        axis_local=stack_vectors(
            [links[index[t.body]].poses[t.body].rotation @ unit(t.axis) for t in thrusters]
        ),
        point_local=stack_vectors(
            [
                links[index[t.body]].poses[t.body].at(mass_properties(robot.bodies[t.body]).center)
                for t in thrusters
            ]
        ),
        limit=numbers([t.limit for t in thrusters]),
    )
