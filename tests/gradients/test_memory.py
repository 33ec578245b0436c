"""What the reverse pass of a rollout has to store."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import pytest

from diffsim.simulate.rollout import Reverse, hold, rollout
from diffsim.simulate.simulator import Engine
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.world.world import State, World, idle_control
from tests.worlds import ball_robot, build

STEPS = 1000
ITERATIONS = 5
# A checkpointed step keeps its state and little else (e.g. padding).
STATES_PER_STEP = 1.5
# Ten times the sweeps: they are stored for one step at a time.
GROWTH_WITH_ITERATIONS = 1.2
# Without checkpoints, by how much more at least.
SAVING = 5.0


def scene() -> tuple[World, State]:
    return build(ball_robot(position=[0.0, 0.0, 0.1]))


@cache
def temporary_bytes(steps: int, iterations: int = ITERATIONS, checkpoint: str = "steps") -> int:
    """Of the compiled gradient with respect to world and initial state."""
    solver = ProjectedGaussSeidel(iterations)

    def loss(world: World, state: State) -> jax.Array:
        control = idle_control(world)
        engine, reverse = Engine(world, solver), Reverse(checkpoint)
        end = rollout(engine, state, hold(control), steps, reverse=reverse).state
        return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(end))

    compiled = jax.jit(jax.grad(loss, argnums=(0, 1))).lower(*scene()).compile()
    return compiled.memory_analysis().temp_size_in_bytes


@pytest.mark.slow
def test_memory_grows_by_one_state_for_each_step() -> None:
    state_bytes = sum(leaf.nbytes for leaf in jax.tree.leaves(scene()[1]))
    growth = (temporary_bytes(2 * STEPS) - temporary_bytes(STEPS)) / STEPS
    assert 0.5 * state_bytes < growth < STATES_PER_STEP * state_bytes


@pytest.mark.slow
def test_memory_hardly_depends_on_the_number_of_sweeps() -> None:
    more = temporary_bytes(STEPS, iterations=10 * ITERATIONS)
    assert more < GROWTH_WITH_ITERATIONS * temporary_bytes(STEPS)


@pytest.mark.slow
def test_checkpoints_save_most_of_the_memory() -> None:
    assert temporary_bytes(STEPS, checkpoint="none") > SAVING * temporary_bytes(STEPS)
