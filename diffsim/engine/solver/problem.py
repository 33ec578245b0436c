"""The complementarity problem of one time step: all that pushes or bounds, as blocks of rows.

Find z⁺ and impulses λ with z⁺ = z_free + Σ y λ such that every block has what it asks for. What is
visited together, and in which order, depends on the world alone and not on its state.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.engine.bodies import Bodies, inertia_times, resolved
from diffsim.engine.contacts import (
    KNOCK,
    ContactImpulse,
    Contacts,
    contact_targets,
    detect,
    soft_constraint,
)
from diffsim.engine.effective_mass import regularized_inverse
from diffsim.engine.elimination import Elimination, velocities_of
from diffsim.engine.indexing import WORLD, column, gather
from diffsim.engine.joints import (
    JOINT_TYPES,
    Axis,
    JointFrames,
    joint_axes,
    joint_coordinates,
)
from diffsim.engine.motors import DriveTargets, drive_targets
from diffsim.engine.solver.blocks import (
    Block,
    ContactBlock,
    DriveBlock,
    Impulse,
    JointBlock,
    cholesky,
    contact_steps,
)
from diffsim.engine.solver.clusters import Cluster, cluster
from diffsim.engine.solver.rows import (
    Push,
    Z,
    build_coordinate_rows,
    build_rows,
    push_together,
    sum_up,
    visits,
)
from diffsim.engine.tree import branch
from diffsim.engine.vectors import Mat3, Vec3
from diffsim.engine.world import Impulses, State, World

PROXIMAL_SHARE = 1e-5
"""By which share of the bodies' own inverse mass a joint's K is enlarged. Where the other joints
hold a direction already, as those of a planar loop do, K is singular. The enlarged K only makes a
visit go less far; what it converges to stays as it is."""


class Problem(NamedTuple):
    """What the solver gets.

    Attributes:
        free: z without any impulse.
        before: z with what motors, limits and joints did in the last step, but no contact: the
            motion until surfaces meet.
        blocks: everything that pushes or bounds.
        clusters: which blocks are solved together, in the order in which they are visited.
        previous: the last step's impulses, block by block.
    """

    free: Z
    before: Z
    blocks: tuple[Block, ...]
    clusters: tuple[Cluster, ...]
    previous: tuple[Impulse, ...]


def build_problem(
    world: World,
    state: State,
    frames: JointFrames,
    system: Elimination,
    free: Z,
    command: jax.Array,
    erp: float,
    friction_law: str,
) -> Problem:
    """All blocks of a step.

    Args:
        world, state: at the start of the step.
        frames: of the joints.
        system: the factored generalized inertia.
        free: z after the step under external forces alone.
        command: of all motors.
        erp: share of the error of hard joints and limits that is taken back in one step.
        friction_law: "cone" or "box".
    """
    blocks: list[Block] = [
        *_joint_blocks(world, state, frames, system, erp),
        *_drive_blocks(world, state, frames, system, command, erp),
    ]
    previous = [impulse_of(block, state.impulses) for block in blocks]
    totals = [block.total(impulse) for block, impulse in zip(blocks, previous, strict=True)]
    before = push_together(free, [block.rows for block in blocks], totals)
    contacts = _contact_blocks(world, state, system, before, erp, friction_law)
    previous += [impulse_of(block, state.impulses) for block in contacts]
    blocks += contacts
    clusters = cluster(blocks, [_branches(world, block) for block in blocks])
    return Problem(free, before, tuple(blocks), clusters, tuple(previous))


def _branches(world: World, block: Block) -> tuple[frozenset[int], ...]:
    """The branches of the tree that each row of a block pushes."""
    joints, contacts = world.joints, world.contacts
    if isinstance(block, ContactBlock):
        ends = [(contacts.body_a[k], contacts.body_b[k]) for k in block.which]
    else:
        ends = [(joints.child[joint], joints.parent[joint]) for joint in block.joints]
        if all(joints.eliminated[joint] for joint in block.joints):
            ends = [(child, child) for child, _ in ends]
    return tuple(
        frozenset(branch(world.tree, body) for body in pair if body != WORLD) for pair in ends
    )


def impulse_of(block: Block, impulses: Impulses) -> Impulse:
    """The impulses of one block."""
    if isinstance(block, JointBlock):
        return tuple(gather(impulses.joint, which) for which in block.which)
    if isinstance(block, DriveBlock):
        motor = gather(impulses.motor, block.which)
        return (motor, gather(impulses.limit, block.which)) if block.limited else (motor,)
    count = len(block.rows.y)
    return tuple(gather(part, block.which) for part in impulses.contact[:count])


def collect_impulses(
    blocks: tuple[Block, ...], found: tuple[Impulse, ...], like: Impulses
) -> Impulses:
    """All impulses in the order of the world, from those of the blocks."""

    def collect(kind: type, like: jax.Array, part: int | None = None) -> jax.Array:
        places: list[int] = []
        values: list[jax.Array] = []
        for block, impulse in zip(blocks, found, strict=True):
            if not isinstance(block, kind):
                continue
            if isinstance(block, JointBlock):
                places += [place for which in block.which for place in which]
                values += impulse
            elif part is not None and part < len(impulse):
                places += block.which
                values.append(impulse[part])
        if not values:
            return like
        joined = jnp.concatenate(values)
        order = {place: index for index, place in enumerate(places)}
        return gather(joined, tuple(order.get(k, WORLD) for k in range(like.shape[0])))

    return Impulses(
        joint=collect(JointBlock, like.joint),
        motor=collect(DriveBlock, like.motor, 0),
        limit=collect(DriveBlock, like.limit, 1),
        contact=ContactImpulse(
            *(collect(ContactBlock, part, k) for k, part in enumerate(like.contact))
        ),
    )


def _joint_blocks(
    world: World, state: State, frames: JointFrames, system: Elimination, erp: float
) -> list[JointBlock]:
    joints = world.joints
    held = [j for j, eliminated in enumerate(joints.eliminated) if not eliminated]
    first_row: dict[int, int] = {}
    count = 0
    for joint in held:
        first_row[joint] = count
        count += 6 - JOINT_TYPES[joints.types[joint]].freedoms

    kinds = [(joints.types[j], joints.parent[j] == WORLD) for j in held]
    ends = [tuple(b for b in (joints.child[j], joints.parent[j]) if b != WORLD) for j in held]
    found = []
    for members in visits(world.tree, kinds, ends):
        index = tuple(held[member] for member in members)
        own = frames.gather(index)
        directions = JOINT_TYPES[joints.types[index[0]]].held(own)
        parent = tuple(joints.parent[joint] for joint in index)
        child = tuple(joints.child[joint] for joint in index)
        pushes = [
            _pushes(axis, child, parent, own.anchor_child, state.position) for axis, _ in directions
        ]
        rows = build_rows(system, pushes)
        numbers = range(len(directions))
        curve = _curve_of_anchors(world, state, own, child, parent)
        for k, (axis, _) in enumerate(directions):
            if not axis.turns:
                rows = rows.with_bias(k, axis.direction.dot(curve))

        frequency = gather(joints.frequency, index)
        soft_erp, cfm_ratio = soft_constraint(
            frequency, gather(joints.damping_ratio, index), world.timestep
        )
        hard = jnp.isinf(frequency)
        share = jnp.where(hard, erp, soft_erp) / world.timestep
        cfm = [cfm_ratio * rows.coupling(k, rows, k) for k in numbers]
        proximal = [
            PROXIMAL_SHARE * _own_inverse_mass(world.bodies, state.rotation, push)
            for push in pushes
        ]
        k_matrix = [[rows.coupling(a, rows, b) for b in range(a + 1)] for a in numbers]
        for a in numbers:
            k_matrix[a][a] = k_matrix[a][a] + cfm[a] + proximal[a]
        found.append(
            JointBlock(
                which=tuple(tuple(first_row[joint] + k for joint in index) for k in numbers),
                joints=index,
                rows=rows,
                target=tuple(-error * share for _, error in directions),
                cfm=tuple(cfm),
                factor=cholesky(k_matrix),
            )
        )
    return found


def _drive_blocks(
    world: World,
    state: State,
    frames: JointFrames,
    system: Elimination,
    command: jax.Array,
    erp: float,
) -> list[DriveBlock]:
    drives, joints, tree = world.drives, world.joints, world.tree
    if not drives.names:
        return []
    position = joint_coordinates(joints, frames, drives.coordinate, state.angles)
    targets = drive_targets(drives, position, command, erp, world.timestep)

    eliminated = [joints.eliminated[joint] for joint, _ in drives.coordinate]
    kinds = [
        (
            drives.coordinate[d][1] if done else joints.types[drives.coordinate[d][0]],
            done,
            drives.limited[d],
        )
        for d, done in enumerate(eliminated)
    ]
    ends = []
    for (joint, _), done in zip(drives.coordinate, eliminated, strict=True):
        both = (joints.child[joint],) if done else (joints.child[joint], joints.parent[joint])
        ends.append(tuple(body for body in both if body != WORLD))
    found = []
    for members in visits(tree, kinds, ends):
        which = tuple(drives.coordinate[member] for member in members)
        child = tuple(joints.child[joint] for joint, _ in which)
        if eliminated[members[0]]:
            group = tree.groups[tree.group_of[child[0]]]
            units = tuple(tree.unit_of[body] for body in child)
            rows = build_coordinate_rows(system, group.degrees[which[0][1]], units)
        else:
            parent = tuple(joints.parent[joint] for joint, _ in which)
            own = frames.gather(tuple(joint for joint, _ in which))
            direction, turns = joint_axes(joints, frames, which)
            axis = Axis(direction, turns[0])
            pushes = _pushes(axis, child, parent, own.anchor_child, state.position)
            rows = build_rows(system, [pushes])
        inverse_mass = rows.coupling(0, rows, 0)
        mass = 1.0 / inverse_mass  # a coordinate of an eliminated joint can always move
        if not eliminated[members[0]]:
            own_mass = _own_inverse_mass(world.bodies, state.rotation, pushes)
            mass = regularized_inverse(inverse_mass, own_mass)
        found.append(
            DriveBlock(
                which=members,
                joints=tuple(joint for joint, _ in which),
                limited=drives.limited[members[0]],
                rows=rows,
                target=DriveTargets(*(gather(part, members) for part in targets)),
                inverse_mass=inverse_mass,
                mass=mass,
            )
        )
    return found


def _contact_blocks(
    world: World,
    state: State,
    system: Elimination,
    before: Z,
    erp: float,
    friction_law: str,
) -> list[ContactBlock]:
    contacts = world.contacts
    if not contacts.names:
        return []
    predicted = velocities_of(system, before)
    everything = detect(contacts, state.position, state.rotation, predicted, world.timestep)
    pairs = list(zip(contacts.body_a, contacts.body_b, strict=True))
    ends = [tuple(body for body in pair if body != WORLD) for pair in pairs]
    kinds = [(b == WORLD, bare) for (_, b), bare in zip(pairs, contacts.frictionless, strict=True)]
    found = []
    for members in visits(world.tree, kinds, ends):
        chosen = contacts.gather(members)
        frame = jax.tree.map(partial(gather, index=members), everything)
        directions = [frame.normal, frame.tangent_1, frame.tangent_2]
        if chosen.frictionless[0]:
            directions = directions[:1]
        pushes = [
            (
                Push(chosen.body_a, direction, frame.offset_a.cross(direction)),
                Push(chosen.body_b, -direction, -frame.offset_b.cross(direction)),
            )
            for direction in directions
        ]
        rows = build_rows(system, pushes)
        rows = rows.with_bias(0, frame.sweep)
        at_start = sum_up(
            push.velocity(state.velocity, state.angular_velocity) for push in pushes[0]
        )
        inverse_mass = tuple(
            tuple(rows.coupling(a, rows, b) for b in range(a + 1)) for a in range(len(directions))
        )
        scale = _inverse_masses(world.bodies, chosen.body_a, chosen.body_b)
        law = contact_targets(
            chosen,
            frame,
            at_start,
            rows.velocities(before)[0],
            gather(state.impulses.contact.normal, members),
            rows.inverse_mass(0),
            scale,
            _knock_speed(world, chosen),
            world.timestep,
        )
        steps, keep = contact_steps(inverse_mass, scale, law.cfm)
        found.append(
            ContactBlock(
                which=members,
                friction_law=friction_law,
                rows=rows,
                target=law,
                slip=tuple(jnp.zeros_like(law.velocity) for _ in directions[1:]),
                friction=chosen.friction,
                inverse_mass=inverse_mass,
                take_back=erp * law.excess / world.timestep,
                scale=scale,
                steps=steps,
                keep=keep,
            )
        )
    return found


def _knock_speed(world: World, contacts: Contacts) -> jax.Array | None:
    """Speed beyond which others knock the surfaces together [m/s], shape (contacts,), or None.

    That is for bodies without joints, whose impacts follow each other. Joints pass an impact on
    within the step, to whatever supports the robot; a switch there would make its trajectory jump.
    """
    jointed = {*world.joints.child, *world.joints.parent} - {WORLD}
    pairs = zip(contacts.body_a, contacts.body_b, strict=True)
    free = [jointed.isdisjoint(pair) for pair in pairs]
    if not any(free):
        return None
    speed = KNOCK * world.gravity.length() * world.timestep
    return jnp.where(column(free, contacts.friction), speed, jnp.inf)


def _pushes(
    axis: Axis, child: tuple[int, ...], parent: tuple[int, ...], point: Vec3, position: Vec3
) -> tuple[Push, Push]:
    """A push along or about an axis on the child at a point, and the opposite one on the parent."""
    d = axis.direction
    if axis.turns:
        nothing = jax.tree.map(jnp.zeros_like, d)
        return Push(child, nothing, d), Push(parent, nothing, -d)
    return (
        Push(child, d, (point - position.gather(child)).cross(d)),
        Push(parent, -d, -(point - position.gather(parent)).cross(d)),
    )


def _curve_of_anchors(
    world: World,
    state: State,
    frames: JointFrames,
    child: tuple[int, ...],
    parent: tuple[int, ...],
) -> Vec3:
    """How fast the child's anchor leaves the parent's because both go along arcs [m/s].

    h/2 (ω × (ω × r)) of the child minus that of the parent: with it the rows hold the joints at
    the end of the step, as ``Elimination.arc`` does for the eliminated ones.
    """

    def centripetal(body: tuple[int, ...]) -> Vec3:
        omega = state.angular_velocity.gather(body)
        arm = frames.anchor_child - state.position.gather(body)
        return omega.cross(omega.cross(arm)) * resolved(omega, world.timestep)

    return (centripetal(child) - centripetal(parent)) * (0.5 * world.timestep)


def _inverse_masses(bodies: Bodies, first: tuple[int, ...], second: tuple[int, ...]) -> jax.Array:
    """1/m of both bodies of each contact, 0 for the world [1/kg], shape (contacts,)."""
    inverse = 1.0 / bodies.mass
    return gather(inverse, first) + gather(inverse, second)


def _own_inverse_mass(bodies: Bodies, rotation: Mat3, pushes: tuple[Push, ...]) -> jax.Array:
    """J M⁻¹ Jᵀ of a direction if the bodies were free [1/kg] or [1/(kg·m²)]."""
    total: Any = 0.0
    for push in pushes:
        if set(push.bodies) != {WORLD}:
            inverse_inertia = bodies.inertia.inverse().gather(push.bodies)
            turned = inertia_times(rotation.gather(push.bodies), inverse_inertia, push.angular)
            total += push.linear.squared_norm() * gather(1.0 / bodies.mass, push.bodies)
            total += push.angular.dot(turned)
    return total
