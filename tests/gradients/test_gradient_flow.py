"""How the gradient passes back in time: decayed, limited, truncated; values stay as they are."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.simulate.gradient_flow import GradientFlow, decay_gradient, limit_gradient
from diffsim.simulate.rollout import CHECKPOINTS, Policy, Reverse, hold, rollout
from diffsim.simulate.simulator import Engine
from diffsim.world.world import State, idle_control
from tests.worlds import ball_robot, build, with_motion

STEPS = 20
TIMESTEP = 0.01
DECAY = 0.9
# Twenty steps of round-off.
TOLERANCE = 1e-12


def trajectory(height: jax.Array, speed: jax.Array, decay: float) -> State:
    return flight(height, speed, GradientFlow(decay=decay))


def flight(height: jax.Array, speed: jax.Array, flow: GradientFlow) -> State:
    """Free flight, straight up and down."""
    world, state = build(ball_robot(ground_contact=False), timestep=TIMESTEP)
    state = with_motion(
        state,
        position=state.pose.position._replace(z=height[None]),
        velocity=state.twist.linear._replace(z=speed[None]),
    )
    policy = hold(idle_control(world))
    return rollout(
        Engine(world), state, policy, STEPS, lambda s, _: s, Reverse(flow=flow)
    ).observations


def test_the_value_is_the_identity_and_the_gradient_is_scaled() -> None:
    tree = {"a": jnp.arange(3.0), "b": jnp.ones(())}
    value, pull_back = jax.vjp(lambda t: decay_gradient(t, DECAY), tree)
    (gradient,) = pull_back(jax.tree.map(jnp.ones_like, tree))
    for before, after, slope in zip(*map(jax.tree.leaves, (tree, value, gradient)), strict=True):
        np.testing.assert_array_equal(before, after)
        np.testing.assert_allclose(slope, DECAY, rtol=1e-6)


@pytest.mark.usefixtures("float64")
def test_what_happened_k_steps_before_counts_its_power_of_the_decay() -> None:
    start = jnp.asarray(3.0), jnp.asarray(1.0)

    def heights(height: jax.Array, speed: jax.Array) -> jax.Array:
        return trajectory(height, speed, DECAY).pose.position.z[:, 0]

    by_height, by_speed = jax.jit(jax.jacrev(heights, argnums=(0, 1)))(*start)
    # z_k = z_0 + k h v_0 − …, and each of the k steps back multiplies by the decay.
    k = np.arange(1, STEPS + 1)
    np.testing.assert_allclose(by_height, DECAY**k, rtol=TOLERANCE)
    np.testing.assert_allclose(by_speed, k * TIMESTEP * DECAY**k, rtol=TOLERANCE)

    exact = jax.jit(lambda z, v: trajectory(z, v, 1.0).pose.position.z[:, 0])(*start)
    np.testing.assert_array_equal(jax.jit(heights)(*start), exact)


def test_a_memory_may_hold_what_has_no_derivative() -> None:
    def last(x: jax.Array) -> jax.Array:
        memory = decay_gradient({"value": x, "frames": jnp.array(3)}, DECAY)
        return memory["value"] * memory["frames"]

    assert float(jax.grad(last)(jnp.array(2.0))) == pytest.approx(3.0 * DECAY)


@pytest.mark.usefixtures("float64")
def test_the_norm_of_the_state_s_cotangent_is_limited_for_every_robot() -> None:
    tree = {"position": jnp.ones((3, 2)), "time": jnp.ones(2)}
    _, pull_back = jax.vjp(lambda t: limit_gradient(t, 1.0, 1), tree)
    # Of norm 4 for the first robot, 0.5 for the second; in float32 its square would overflow.
    cotangent = {"position": jnp.array([[2e200, 0.5], [2e200, 0.0], [2e200, 0.0]])}
    cotangent["time"] = jnp.array([2e200, 0.0])
    (found,) = pull_back(cotangent)
    np.testing.assert_allclose(found["position"], [[0.5, 0.5], [0.5, 0.0], [0.5, 0.0]])
    np.testing.assert_allclose(found["time"], [0.5, 0.0])


def test_a_limit_leaves_zeros_and_counters_and_shows_what_is_not_finite() -> None:
    tree = {"x": jnp.zeros(2), "count": jnp.array(3)}
    _, pull_back = jax.vjp(lambda t: limit_gradient(t, 1.0, 0)["x"], tree)
    assert np.array_equal(pull_back(jnp.zeros(2))[0]["x"], [0.0, 0.0])
    assert np.isnan(pull_back(jnp.array([np.nan, 1.0]))[0]["x"]).any()


@pytest.mark.usefixtures("float64")
@pytest.mark.slow
def test_a_truncated_gradient_ends_at_the_start_of_its_segment() -> None:
    def heights(height: jax.Array, flow: GradientFlow) -> jax.Array:
        return flight(height, jnp.asarray(1.0), flow).pose.position.z[:, 0]

    start = jnp.asarray(3.0)
    cut = jax.jit(jax.jacrev(lambda z: heights(z, GradientFlow(truncation=5))))(start)
    np.testing.assert_allclose(cut, (np.arange(STEPS) < 5).astype(float))

    # A gradient that enters within a segment stays in it.
    def last(push: jax.Array, step: int) -> jax.Array:
        world, state = build(ball_robot(ground_contact=False), timestep=TIMESTEP)
        control = idle_control(world)

        def policy(memory, state, number):
            kick = jnp.where(number == step, push, 0.0)
            return memory + kick, control

        result = rollout(
            Engine(world),
            state,
            Policy(policy, jnp.zeros(()), given=jnp.arange(STEPS)),
            STEPS,
            reverse=Reverse(flow=GradientFlow(truncation=5)),
        )
        return result.memory

    slopes = [float(jax.grad(last)(jnp.asarray(0.0), step)) for step in (14, 15, 19)]
    assert slopes == [0.0, 1.0, 1.0]


@pytest.mark.usefixtures("float64")
def test_what_is_given_for_each_step_reaches_the_policy_with_every_checkpoint() -> None:
    world, state = build(ball_robot(ground_contact=False), timestep=TIMESTEP)
    control = idle_control(world)

    def total(given: jax.Array, checkpoint: str) -> jax.Array:
        result = rollout(
            Engine(world),
            state,
            Policy(lambda memory, _, now: (memory + now**2, control), jnp.zeros(()), given),
            STEPS + 3,
            reverse=Reverse(checkpoint),
        )
        return result.memory

    given = jnp.arange(STEPS + 3.0)
    for checkpoint in CHECKPOINTS:
        value, slope = jax.value_and_grad(total)(given, checkpoint)
        assert float(value) == float(jnp.sum(given**2))
        np.testing.assert_allclose(slope, 2.0 * given)
