"""Many steps: what is carried, what is observed, and that batches and precisions agree."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.math.vectors import Vec3
from diffsim.sensors.sensors import Sensors
from diffsim.simulate.rollout import CHECKPOINTS, Policy, Reverse, hold, rollout
from diffsim.simulate.simulator import Engine
from diffsim.simulate.step import step
from diffsim.world.world import Control, State, World, command_count, idle_control
from tests.robots_in_package import robot_config
from tests.worlds import RADIUS, SOLVER, ball_robot, box_robot, build, last, simulate, with_motion

STEPS = 200
TIMESTEP = 2e-3

# Two orders of summation of 200 float32 steps.
BATCH_TOLERANCE = 1e-5
# The same of 30 float64 steps of a robot that lands.
LAST_AXIS_TOLERANCE = 1e-8
# Round-off of float32 over 200 steps with a bounce, of lengths and speeds of order one, and of
# angular velocities of order ten; sines differ in the last digit between one robot and several.
PRECISION_TOLERANCE = 1e-4


def thrown_ball() -> tuple[World, State]:
    """Bounces once, slips, and flies on."""
    robot = ball_robot(
        axis=[1.0, 0.0, 0.0],
        position=[0.0, 0.0, RADIUS + 0.2],
        velocity=[2.0, 1.0, 0.0],
        angular_velocity=[3.0, -2.0, 1.0],
        friction=0.3,
        restitution=0.5,
    )
    return build(robot, timestep=TIMESTEP)


def run(world: World, state: State, thrust: jax.Array) -> State:
    return simulate(world, state, thrust, steps=STEPS)


def close(actual: Any, desired: Any, tolerance: float) -> None:
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(desired), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_a_rollout_repeats_the_step() -> None:
    world, state = thrown_ball()
    thrust = jnp.array([2.0])
    trajectory = run(world, state, thrust)
    one_step = jax.jit(step, static_argnums=1)
    for index in range(3):
        state = one_step(world, SOLVER, state, Control(thrust))
        close(jax.tree.map(lambda leaf, i=index: leaf[i], trajectory), state, 1e-6)


def test_a_batch_gives_what_single_runs_give() -> None:
    world, state = thrown_ball()
    key = jax.random.key(0)
    shift = jax.random.normal(key, (8, 3))

    def start(shift: jax.Array) -> State:
        velocity = state.twist.linear
        return with_motion(state, velocity=velocity + velocity.__class__(*shift[:, None]))

    thrust = jnp.array([1.0])
    batch = jax.vmap(lambda s: last(run(world, start(s), thrust)))(shift)
    for index in range(8):
        single = last(run(world, start(shift[index]), thrust))
        mine = jax.tree.map(lambda leaf, i=index: leaf[i], batch)
        close(without_accelerations(mine), without_accelerations(single), PRECISION_TOLERANCE)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "name", ["ball", "cartpole", pytest.param("quadruped_table1", marks=pytest.mark.slow)]
)
def test_robots_may_be_the_last_axis_of_every_array(name: str) -> None:
    """As good as ``vmap``, and faster."""
    robot = robot_config(name)
    world, state = build(robot, timestep=0.01)
    sensors = Sensors(robot)
    shape = (command_count(world), len(sensors.names))
    weights = 0.02 * jax.random.normal(jax.random.key(0), shape)
    sideways = jnp.array([0.0, 0.3, -0.5])

    def walk(world: World, state: State) -> State:
        policy = Policy(lambda memory, s: (memory, Control(weights @ sensors.read(world, s))))
        return rollout(Engine(world), state, policy, 30).state

    def start(state: State, y: jax.Array) -> State:
        return with_motion(state, velocity=state.twist.linear._replace(y=state.twist.linear.y + y))

    expected = jax.jit(jax.vmap(lambda y: walk(world, start(state, y))))(sideways)
    behind = jax.tree.map(lambda leaf: leaf[..., None] if leaf.ndim else leaf, world)
    many = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf[..., None], (*leaf.shape, 3)), state)
    found = jax.jit(walk)(behind, start(many, sideways))
    found = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, -1, 0), found)
    close(without_accelerations(found), without_accelerations(expected), LAST_AXIS_TOLERANCE)


def test_float32_and_float64_agree() -> None:
    with jax.enable_x64(True):
        double = run(*thrown_ball(), jnp.array([1.0]))
    single = run(*thrown_ball(), jnp.array([1.0], jnp.float32))
    assert double.pose.position.x.dtype == jnp.float64
    assert single.pose.position.x.dtype == jnp.float32
    assert float(single.twist.linear.z.max()) > 0.5, "no bounce"
    close(without_accelerations(single), without_accelerations(double), PRECISION_TOLERANCE)


def without_accelerations(state: State) -> State:
    """They are differences of velocities over the time step, and so are their errors."""
    return state._replace(acceleration=())


def test_time_passes() -> None:
    trajectory = run(*thrown_ball(), jnp.array([0.0]))
    np.testing.assert_allclose(
        trajectory.time, TIMESTEP * np.arange(1, STEPS + 1), rtol=BATCH_TOLERANCE
    )


def test_the_policy_keeps_its_memory_and_sees_the_state() -> None:
    world, state = thrown_ball()

    def policy(memory: dict[str, jax.Array], state: State) -> tuple[Any, Control]:
        memory = {"calls": memory["calls"] + 1, "latest": state.time}
        return memory, Control(jnp.ones_like(world.thrusters.limit))

    start = {"calls": jnp.zeros((), int), "latest": jnp.zeros(())}
    result = rollout(Engine(world), state, Policy(policy, start), 5, lambda s, _: s.time)
    assert int(result.memory["calls"]) == 5
    # The state before the last step, and what was observed after it.
    assert float(result.memory["latest"]) == pytest.approx(4 * TIMESTEP)
    np.testing.assert_allclose(result.observations, TIMESTEP * np.arange(1, 6), rtol=1e-6)
    assert float(result.state.time) == float(result.observations[-1])


def test_a_push_moves_what_comes_after_it_and_so_does_its_derivative() -> None:
    world, state = build(ball_robot(ground_contact=False), timestep=TIMESTEP)
    steps, pushed = 10, 4

    def end(pushes: Vec3) -> jax.Array:
        idle = dataclasses.replace(hold(idle_control(world)), pushes=pushes)
        result = rollout(Engine(world), state, idle, steps)
        return result.state.pose.position.x[0]

    none = jnp.zeros((steps, 1))
    once = Vec3(none.at[pushed].set(2.0), none, none)
    moved = float(end(once) - end(Vec3(none, none, none)))
    assert moved == pytest.approx(2.0 * TIMESTEP * (steps - pushed), rel=1e-4)
    gradient = jax.grad(end)(Vec3(none, none, none))
    expected = TIMESTEP * (steps - np.arange(steps))
    np.testing.assert_allclose(gradient.x[:, 0], expected, rtol=1e-5)


def test_a_long_trajectory_takes_no_longer_for_each_step() -> None:
    """A kernel of a whole loop that copied what it has kept so far would take 20 times as long."""
    world, state = build(box_robot(angular_velocity=[5.0, 7.0, 9.0]))

    def seconds_a_step(steps: int) -> float:
        jax.block_until_ready(simulate(world, state, steps=steps))  # compiles
        times = []
        for _ in range(5):
            start = time.perf_counter()
            jax.block_until_ready(simulate(world, state, steps=steps))
            times.append(time.perf_counter() - start)
        return min(times) / steps

    assert seconds_a_step(40_000) < 4.0 * seconds_a_step(2_000)


@pytest.mark.parametrize("steps", [0, -1])
def test_a_rollout_has_at_least_one_step(steps: int) -> None:
    world, state = thrown_ball()
    with pytest.raises(ValueError, match=f"steps must be at least 1, got {steps}"):
        rollout(Engine(world), state, hold(idle_control(world)), steps)


def test_a_world_without_contacts_only_flies() -> None:
    world, state = build(ball_robot(ground_contact=False, velocity=[0.0, 0.0, -1.0]))
    assert world.contacts.names == ()
    end = last(simulate(world, state, steps=100))
    assert float(end.pose.position.z[0]) < -0.1


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("every", "checkpoint"),
    [
        pytest.param(k, c, marks=() if (k, c) == (4, "steps") else pytest.mark.slow)
        for k in (1, 4, 30)
        for c in CHECKPOINTS
    ],
)
def test_a_policy_that_looks_now_and_then_is_one_that_decides_at_every_step(
    every: int, checkpoint: str
) -> None:
    """So are its gradient and what is observed; 22 steps are no multiple of 4."""
    world, state = thrown_ball()
    steps = 22

    def seen(state: State, gain: jax.Array) -> jax.Array:
        return gain * (0.1 + state.pose.position.x[:1])

    def end(gain: jax.Array, glances: bool) -> tuple[jax.Array, jax.Array]:
        def counting(memory: tuple, state: State) -> tuple[tuple, Control]:
            count, thrust = memory
            thrust = jnp.where(count % every == 0, seen(state, gain), thrust)
            return (count + 1, thrust), Control(thrust)

        looking = Policy(
            act=lambda memory, state: (memory, Control(memory)),
            memory=jnp.zeros(1),
            look=lambda memory, state: seen(state, gain),
            every=every,
        )
        policy = looking if glances else Policy(counting, (0, jnp.zeros(1)))
        keep = lambda state, _: state.pose.position.x  # noqa: E731
        result = rollout(Engine(world), state, policy, steps, keep, Reverse(checkpoint))
        return result.state.twist.linear.x[0] + jnp.sum(result.observations), result.observations

    gain = jnp.asarray(30.0)
    found, expected = (
        jax.jit(jax.value_and_grad(end, has_aux=True), static_argnums=1)(gain, glances)
        for glances in (True, False)
    )
    assert found[0][1].shape == (steps, 1)
    assert abs(float(expected[1])) > 1e-4
    close(found, expected, 1e-12)


def test_a_policy_looks_every_step_or_less_often() -> None:
    with pytest.raises(ValueError, match="every must be at least 1, got 0"):
        Policy(lambda memory, state: (memory, None), every=0)
