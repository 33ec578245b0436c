"""Which rows are updated at once, and that their shared mass is an upper bound."""

from __future__ import annotations

import numpy as np
import pytest

from diffsim.constraints.rows import Rows, build_coordinate_rows, independent_sets
from diffsim.dynamics.elimination import Elimination, eliminate
from diffsim.joints.joints import joint_frames
from diffsim.math.indexing import WORLD
from diffsim.math.spatial import Motion
from diffsim.robots.build import build_world, initial_state
from diffsim.robots.config import RobotConfig
from diffsim.world.world import World
from tests.robots_in_package import robot_config
from tests.worlds import DOWN, build, spheres_robot


def contact_sets(world: World) -> list[tuple[int, ...]]:
    pairs = list(zip(world.contacts.body_a, world.contacts.body_b, strict=True))
    ends = [tuple(body for body in pair if body != WORLD) for pair in pairs]
    return independent_sets(world.tree, [b == WORLD for _, b in pairs], ends)


@pytest.mark.parametrize("seed", range(10))
def test_no_two_rows_of_a_set_push_the_same_body(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(2, 9))
    names = [f"s{k}" for k in range(count)]
    pairs = [(a, b) for k, a in enumerate(names) for b in names[k + 1 :] if random.random() < 0.4]
    world, _ = build(spheres_robot({name: {} for name in names}, pairs))
    found = contact_sets(world)
    assert sorted(number for members in found for number in members) == list(
        range(len(world.contacts.names))
    )
    for members in found:
        ends = [
            body
            for number in members
            for body in (world.contacts.body_a[number], world.contacts.body_b[number])
            if body != WORLD
        ]
        assert len(ends) == len(set(ends))


def test_contacts_of_independent_bodies_are_updated_at_once() -> None:
    world, _ = build(spheres_robot({"a": {}, "b": {}, "c": {}}))
    assert contact_sets(world) == [(0, 1, 2)]


def test_the_feet_of_a_robot_are_updated_at_once_and_the_bumpers_of_its_trunk_in_turn() -> None:
    world = build_world(robot_config("quadruped"), DOWN, 0.01)
    assert [len(members) for members in contact_sets(world)] == [1, 1, 1, 1, 4]


def eliminated(robot: RobotConfig, world: World) -> Elimination:
    """The factored inertia at the robot's start."""
    state = initial_state(robot, world)
    return eliminate(
        world.tree,
        world.bodies,
        world.joints,
        joint_frames(world.joints, state.pose),
        Motion(state.pose, state.twist),
        world.timestep,
    )


@pytest.mark.usefixtures("float64")
def test_shared_mass_bounds_the_coupled_rows_from_above() -> None:
    """K − Y Yᵀ has no negative eigenvalue: an update never overshoots."""
    robot = robot_config("quadruped")
    world = build_world(robot, DOWN, 0.01)
    system = eliminated(robot, world)
    shoulders = world.tree.groups[1]
    rows = build_coordinate_rows(system, shoulders.bodies, 0)
    full = delassus(rows, world)
    bound = np.diag(np.asarray(rows.delassus()[0, 0]))
    assert np.abs(full - np.diag(np.diag(full))).max() > 0.01 * np.diag(full).max()
    assert np.linalg.eigvalsh(bound - full).min() > -1e-12 * np.diag(full).max()


def delassus(rows: Rows, world: World) -> np.ndarray:
    """J M⁻¹ Jᵀ of the first direction, as one matrix."""
    count = len(rows.slots[0].units)
    total = np.zeros((count, count))
    for slot, values in zip(rows.slots, rows.y, strict=True):
        limb = world.tree.limbs[slot.limb]
        y = np.zeros((count, len(limb.degrees), limb.units))
        for row, unit in enumerate(slot.units):
            y[row, :, unit] = np.asarray(values[0, :, row])
        total += np.einsum("rdu,sdu->rs", y, y)
    return total


@pytest.mark.usefixtures("float64")
def test_rows_read_and_push_the_same_way() -> None:
    """The push of unit impulses, read again, is J M⁻¹ Jᵀ."""
    robot = robot_config("quadruped")
    world = build_world(robot, DOWN, 0.01)
    rows = build_coordinate_rows(eliminated(robot, world), world.tree.groups[1].bodies, 0)
    nothing = tuple(np.zeros((len(limb.degrees), limb.units)) for limb in world.tree.limbs)
    for row, column in enumerate(delassus(rows, world)):
        pushed = rows.push(nothing, np.eye(len(column))[None, row])
        np.testing.assert_allclose(rows.velocities(pushed)[0], column, atol=1e-12 * column.max())
