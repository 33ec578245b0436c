"""Joints hold what they hold and leave free what they leave free."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.joints.coordinates import joint_coordinates, joint_rates
from diffsim.joints.joints import joint_frames
from diffsim.joints.table import JOINT_TYPES
from diffsim.robots.build import build_world, initial_state
from diffsim.robots.config import BodyConfig, JointConfig, RobotConfig
from diffsim.robots.replace import replace
from diffsim.simulate.rollout import Policy, rollout
from diffsim.simulate.simulator import Engine
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.world.world import Control, State, World
from tests.random_trees import FREEDOMS, random_tree
from tests.robots_in_package import robot_config
from tests.worlds import DOWN, GRAVITY, SOLVER, WEIGHTLESS, build, last, simulate

TIMESTEP = 0.01
LARGEST_DRIFT = 1e-3  # [m] and [rad]
ROUND_OFF = 1e-12


def drift(world: World, state: State) -> jax.Array:
    """The largest error of anything that a joint holds, eliminated or not [m] or [rad]."""
    frames = joint_frames(world.joints, state.pose)
    errors = [
        jnp.abs(error).max()
        for kind in dict.fromkeys(world.joints.types)
        for _, error in JOINT_TYPES[kind].held(
            frames.gather(tuple(k for k, own in enumerate(world.joints.types) if own == kind))
        )
    ]
    return jnp.stack(errors).max()


def largest_drift(world: World, states: State) -> float:
    return float(jax.jit(jax.vmap(lambda state: drift(world, state)))(states).max())


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("kind", ["hinge", "slider", "universal", "ball"])
@pytest.mark.parametrize("parent", ["base", "world"])
def test_bodies_start_where_the_coordinates_say(kind: str, parent: str) -> None:
    rng = np.random.default_rng(1)
    numbers = lambda count: [float(x) for x in rng.uniform(-1.0, 1.0, count)]  # noqa: E731
    base = BodyConfig(
        shape="box",
        size=[0.2, 0.3, 0.4],
        position=numbers(3),
        orientation=numbers(4),
        velocity=numbers(3),
        angular_velocity=numbers(3),
    )
    axis = rng.normal(size=3)
    joint = JointConfig(
        type=kind,
        parent=parent,
        child="tip",
        axis=[float(x) for x in axis],
        second_axis=[float(x) for x in np.cross(axis, rng.normal(size=3))],
        orientation=numbers(4),
        parent_offset=numbers(3),
        child_face=numbers(3),
        position=numbers(FREEDOMS[kind]),
        velocity=numbers(FREEDOMS[kind]),
    )
    tip = BodyConfig(shape="box", size=[0.1, 0.2, 0.3])
    robot = RobotConfig(name="pair", bodies={"base": base, "tip": tip}, joints={"joint": joint})
    world, state = build(robot, WEIGHTLESS)
    assert float(drift(world, state)) < ROUND_OFF
    which = tuple((0, k) for k in range(FREEDOMS[kind]))
    frames = joint_frames(world.joints, state.pose)
    position = joint_coordinates(world.joints, frames, which, state.angles)
    motion = (state.pose.position, state.twist)
    np.testing.assert_allclose(position, joint.position, atol=ROUND_OFF)
    np.testing.assert_allclose(
        joint_rates(world.joints, frames, *motion, which), joint.velocity, atol=ROUND_OFF
    )


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("kind", ["hinge", "slider", "universal"])
def test_rates_are_how_fast_coordinates_change(kind: str) -> None:
    """Of a ball joint they are not, away from zero: its rates are the motion along the axes."""
    count = FREEDOMS[kind]
    axis = np.array([1.0, 2.0, 3.0])
    robot = replace(
        random_tree(2, seed=3, speed=2.0),
        {
            "joints.joint_1.type": kind,
            "joints.joint_1.position": [0.3] * count,
            "joints.joint_1.velocity": [2.0, -1.0][:count],
            "joints.joint_1.axis": axis.tolist(),
            "joints.joint_1.second_axis": np.cross(axis, [0.0, 1.0, 0.0]).tolist(),
        },
    )
    step = 1e-4
    world, state = build(robot, WEIGHTLESS, step)
    states = simulate(world, state, steps=3)
    which = tuple((0, k) for k in range(count))

    def read(s: State) -> tuple[jax.Array, jax.Array]:
        frames = joint_frames(world.joints, s.pose)
        motion = (s.pose.position, s.twist)
        coordinates = joint_coordinates(world.joints, frames, which, s.angles)
        return coordinates, joint_rates(world.joints, frames, *motion, which)

    positions, rates = jax.vmap(read)(states)
    change = (positions[2] - positions[0]) / (2.0 * step)
    np.testing.assert_allclose(change, rates[1], rtol=1e-3)  # half a step apart


def walking_commands(time: jax.Array) -> jax.Array:
    """A trot of the quadruped: four shoulders, then four elbows [rad]."""
    phase, sign = 2.0 * jnp.pi * 1.5 * time, jnp.array([1.0, -1.0, -1.0, 1.0])
    return jnp.concatenate(
        [0.4 * sign * jnp.sin(phase), 0.4 * (0.3 + sign * jnp.cos(phase))]
    ).astype(time.dtype)


def walk(world: World, state: State, seconds: float, solver: ProjectedGaussSeidel) -> State:
    """All states of the trotting quadruped."""
    policy = Policy(lambda memory, s: (memory, Control(walking_commands(s.time))))
    steps = round(seconds / float(world.timestep))

    @jax.jit
    def run(state: State) -> State:
        return rollout(Engine(world, solver), state, policy, steps, lambda s, _: s).observations

    return run(state)


def strong_quadruped() -> RobotConfig:
    robot = robot_config("quadruped")
    return replace(robot, {f"motors.{name}.max_force": 15.0 for name in robot.motors})


def test_joints_drift_less_than_a_millimetre_in_ten_seconds_of_walking() -> None:
    """In float32, as shipped."""
    world, state = build(strong_quadruped(), timestep=TIMESTEP)
    states = walk(world, state, 10.0, SOLVER)
    assert float(jnp.abs(jnp.diff(states.pose.position.z[:, 0])).max()) > 1e-4, "it does not walk"
    assert largest_drift(world, states) < LARGEST_DRIFT


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
def test_rows_for_joints_come_to_the_same_as_eliminating_them() -> None:
    """The arm under gravity: sweeps over all rows against none."""
    robot = robot_config("arm")
    ends = []
    for eliminate, solver in ((True, SOLVER), (False, ProjectedGaussSeidel(300, rounds=1))):
        world = build_world(robot, DOWN, 1e-3, eliminate_joints=eliminate)
        start = initial_state(robot, world)
        command = jnp.array([0.5, -0.4, 0.3, 0.2])[: len(robot.motors)]
        end = last(simulate(world, start, command, steps=200, solver=solver))
        order = np.argsort(world.bodies.names)
        ends.append(np.asarray(end.pose.position.stack())[order])
        assert float(drift(world, end)) < (ROUND_OFF if eliminate else 1e-5)
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-4)


def four_bar(loop: str) -> RobotConfig:
    """A parallelogram that hangs from the world, its loop closed at a chosen joint."""
    length, width = 0.4, 0.3
    side = {"shape": "box", "size": [0.04, 0.04, length]}
    robot = RobotConfig(
        name="four_bar",
        bodies={
            "left": BodyConfig(**side),
            "right": BodyConfig(**side),
            "coupler": BodyConfig(shape="box", size=[width, 0.04, 0.04]),
        },
    )
    top, bottom = [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]
    at = {"left": [0.0, 0.0, 1.0], "right": [width, 0.0, 1.0]}
    swing = [0.5]
    for name in ("left", "right"):
        robot.joints[f"pivot_{name}"] = JointConfig(
            type="hinge",
            axis=[0.0, 1.0, 0.0],
            parent="world",
            child=name,
            parent_offset=at[name],
            child_face=top,
            position=swing,
        )
    for name, end in (("left", -1.0), ("right", 1.0)):
        robot.joints[f"elbow_{name}"] = JointConfig(
            type="hinge",
            axis=[0.0, 1.0, 0.0],
            parent=name,
            child="coupler",
            parent_face=bottom,
            child_face=[end, 0.0, 0.0],
            position=[-0.5],
        )
    return replace(robot, {f"joints.{loop}.closes_loop": True, f"joints.{loop}.position": None})


@pytest.mark.usefixtures("float64")
def test_a_closed_loop_stays_closed_wherever_it_is_cut() -> None:
    ends = []
    for loop in ("elbow_left", "elbow_right"):
        robot = four_bar(loop)
        world, state = build(robot, timestep=TIMESTEP)
        assert float(drift(world, state)) < ROUND_OFF
        states = simulate(world, state, steps=1000)
        assert largest_drift(world, states) < LARGEST_DRIFT
        coupler = world.bodies.names.index("coupler")
        ends.append(np.asarray(states.pose.position.stack())[:, coupler])
    swing = np.ptp(ends[0][:, 0])
    assert swing > 0.3, "it does not swing"
    # Two ways to solve the same; they drift apart as the periods of two pendulums would.
    np.testing.assert_allclose(ends[0][:300], ends[1][:300], atol=0.02 * swing)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "kind",
    ["slider", *(pytest.param(k, marks=pytest.mark.slow) for k in ("universal", "fixed", "ball"))],
)
def test_any_joint_may_close_a_loop(kind: str) -> None:
    """A bow of three links on ball joints, tied to the world at both ends."""
    bend, length = 1.0, 0.3
    turns = (bend, -bend, -bend)
    links = {f"link_{k}": BodyConfig(shape="box", size=[0.05, 0.06, length]) for k in range(3)}
    robot = RobotConfig(name="bow", bodies=links)
    for k in range(3):
        end: dict[str, Any] = {"parent": "world", "parent_offset": [0.0, 0.0, 2.0]}
        if k > 0:
            end = {"parent": f"link_{k - 1}", "parent_face": [0.0, 0.0, -1.0]}
        robot.joints[f"joint_{k}"] = JointConfig(
            type="ball",
            child=f"link_{k}",
            child_face=[0.0, 0.0, 1.0],
            position=[0.0, turns[k], 0.0],
            **end,
        )
    robot.joints["loop"] = JointConfig(
        type=kind,
        parent="world",
        child="link_2",
        closes_loop=True,
        parent_offset=[0.0, 0.0, 2.0 - length * (2.0 * np.cos(bend) + 1.0)],
        orientation=[np.cos(0.5 * bend), 0.0, -np.sin(0.5 * bend), 0.0],
        child_face=[0.0, 0.0, -1.0],
        axis=[1.0, 0.0, 0.0],
        second_axis=[0.0, 1.0, 0.0],
    )
    world, state = build(robot, (3.0, 2.0, -GRAVITY), 0.2 * TIMESTEP)
    assert float(drift(world, state)) < ROUND_OFF
    states = simulate(world, state, steps=500)
    assert bool(jnp.isfinite(states.pose.position.stack()).all())
    assert float(jnp.ptp(states.pose.position.y)) > 0.01, "it does not move"
    assert largest_drift(world, states) < LARGEST_DRIFT


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("damping", [0.0, 1.0])
def test_a_soft_joint_swings_at_its_frequency_and_sags_as_a_spring(damping: float) -> None:
    """A box held to the world by a soft fixed joint: ω² = (2πf)², sag g/ω²."""
    frequency, step = 2.0, 1e-3
    joint = JointConfig(
        type="fixed", parent="world", child="box", frequency=frequency, damping_ratio=damping
    )
    robot = RobotConfig(
        name="hung",
        bodies={"box": BodyConfig(shape="box", size=[0.1, 0.2, 0.3])},
        joints={"spring": joint},
    )
    world, state = build(robot, timestep=step)
    z = np.asarray(
        simulate(world, state, steps=2000, solver=ProjectedGaussSeidel(5)).pose.position.z
    )
    sag = GRAVITY / (2.0 * np.pi * frequency) ** 2
    if damping == 1.0:
        assert z[-1, 0] == pytest.approx(-sag, rel=0.01)
    else:
        turning = np.flatnonzero((z[1:-1, 0] < z[:-2, 0]) & (z[1:-1, 0] <= z[2:, 0]))
        period = np.diff(turning).mean() * step
        assert period == pytest.approx(1.0 / frequency, rel=0.02)
        # Implicit Euler damps what it swings.
        assert -2.0 * sag <= z[:, 0].min() <= -1.8 * sag
