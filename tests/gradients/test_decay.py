"""The decay of the gradient in time: values stay, what happened k steps before counts αᵏ."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.engine.rollout import decay_gradient, rollout
from diffsim.engine.world import State, idle_control
from tests.worlds import SOLVER, ball_robot, build

STEPS = 20
TIMESTEP = 0.01
DECAY = 0.9
# Twenty steps of round-off.
TOLERANCE = 1e-12


def trajectory(height: jax.Array, speed: jax.Array, decay: float) -> State:
    """Free flight, straight up and down."""
    world, state = build(ball_robot(ground_contact=False), timestep=TIMESTEP)
    state = state._replace(
        position=state.position._replace(z=height[None]),
        velocity=state.velocity._replace(z=speed[None]),
    )
    control = idle_control(world)
    return rollout(
        world,
        SOLVER,
        state,
        (),
        lambda memory, _: (memory, control),
        STEPS,
        lambda s: s,
        gradient_decay=decay,
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
        return trajectory(height, speed, DECAY).position.z[:, 0]

    by_height, by_speed = jax.jit(jax.jacrev(heights, argnums=(0, 1)))(*start)
    # z_k = z_0 + k h v_0 − …, and each of the k steps back multiplies by the decay.
    k = np.arange(1, STEPS + 1)
    np.testing.assert_allclose(by_height, DECAY**k, rtol=TOLERANCE)
    np.testing.assert_allclose(by_speed, k * TIMESTEP * DECAY**k, rtol=TOLERANCE)

    exact = jax.jit(lambda z, v: trajectory(z, v, 1.0).position.z[:, 0])(*start)
    np.testing.assert_array_equal(jax.jit(heights)(*start), exact)


def test_a_memory_may_hold_what_has_no_derivative() -> None:
    def last(x: jax.Array) -> jax.Array:
        memory = decay_gradient({"value": x, "frames": jnp.array(3)}, DECAY)
        return memory["value"] * memory["frames"]

    assert float(jax.grad(last)(jnp.array(2.0))) == pytest.approx(3.0 * DECAY)
