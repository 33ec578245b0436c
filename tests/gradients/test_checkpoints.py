"""What is kept for the reverse pass changes neither values nor gradients."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.simulate.rollout import CHECKPOINTS, Policy, Reverse, hold, rollout, segment_length
from diffsim.simulate.simulator import Engine
from diffsim.world.world import Control, State, idle_control
from tests.worlds import RADIUS, ball_robot, build, with_motion

# The same operations in another order of fusion.
TOLERANCE = 1e-12
WITH_SEGMENTS = 12
WITH_A_REST = 13  # a prime


def landing(checkpoint: str, steps: int) -> tuple[jax.Array, jax.Array, Any]:
    """Height in the end of a ball thrown at the ground, its derivatives, and all heights."""
    world, state = build(
        ball_robot([0.0, 0.0, 1.0], position=[0.0, 0.0, 0.15], velocity=[1.0, 0.0, -1.0]),
        timestep=0.01,
    )

    def policy(memory: Any, state: State) -> tuple[Any, Control]:
        return memory + state.pose.position.z[0], Control(jnp.full((1,), 0.1) * memory)

    def end(speed: jax.Array, memory: jax.Array) -> tuple[jax.Array, jax.Array]:
        start = with_motion(state, velocity=state.twist.linear._replace(x=speed[None]))
        result = rollout(
            Engine(world),
            start,
            Policy(policy, memory),
            steps,
            lambda s, _: s.pose.position.z[0],
            Reverse(checkpoint),
        )
        final = result.state.pose.position
        return final.x[0] * final.z[0] + result.memory, result.observations

    call = jax.jit(jax.value_and_grad(end, argnums=(0, 1), has_aux=True))
    (value, heights), gradient = call(jnp.array(1.0), jnp.array(0.5))
    return value, heights, gradient


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(WITH_SEGMENTS, marks=pytest.mark.slow),
        WITH_A_REST,
        pytest.param(1, marks=pytest.mark.slow),
    ],
)
def test_values_and_gradients_are_the_same(steps: int) -> None:
    found = [landing(checkpoint, steps) for checkpoint in CHECKPOINTS]
    heights = found[0][1]
    assert heights.shape == (steps,)
    if steps > 1:
        assert float(heights.min()) < RADIUS, "no landing"
    for other in found[1:]:
        for a, b in zip(jax.tree.leaves(found[0]), jax.tree.leaves(other), strict=True):
            np.testing.assert_allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("steps", "length"), [(1, 1), (2, 2), (12, 3), (13, 4), (1000, 25), (997, 32), (10_000, 100)]
)
def test_segments_are_near_the_root_and_divide_the_steps_if_possible(
    steps: int, length: int
) -> None:
    assert segment_length(steps) == length


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_nothing_need_be_observed(checkpoint: str) -> None:
    world, state = build(ball_robot())
    policy = hold(idle_control(world))
    result = rollout(Engine(world), state, policy, 4, reverse=Reverse(checkpoint))
    assert result.observations is None


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"checkpoint must be one of .* got 'all'"):
        landing("all", 2)
