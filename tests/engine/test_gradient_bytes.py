"""What the gradient of a rollout is expected to take is near what XLA plans for it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

from diffsim.engine.memory import gradient_bytes
from diffsim.engine.rollout import CHECKPOINTS, rollout
from diffsim.engine.world import Control
from diffsim.sensors import Sensors
from tests.robots_in_package import robot_config
from tests.worlds import SOLVER, build

STEPS = 100
ROBOTS = 64
LEAST, MOST = 0.8, 2.0


@pytest.mark.parametrize(
    "checkpoint",
    [pytest.param(c, marks=pytest.mark.slow if c == "none" else ()) for c in CHECKPOINTS],
)
def test_the_expected_memory_is_near_the_planned_one(checkpoint: str) -> None:
    robot = robot_config("cartpole")
    world, state = build(robot, timestep=0.01)
    sensors = Sensors(robot, world)
    world = jax.tree.map(lambda leaf: leaf[..., None] if leaf.ndim else leaf, world)
    state = jax.tree.map(lambda x: jnp.broadcast_to(x[..., None], (*x.shape, ROBOTS)), state)

    def policy(weights: jax.Array):
        return lambda memory, s: (memory, Control(weights @ sensors.read(world, s)))

    def distance(weights: jax.Array) -> jax.Array:
        result = rollout(world, SOLVER, state, (), policy(weights), STEPS, checkpoint=checkpoint)
        return jnp.sum(result.state.position.x)

    weights = jnp.ones((1, len(sensors.names)))
    compiled = jax.jit(jax.grad(distance)).lower(weights).compile()
    planned = compiled.memory_analysis().temp_size_in_bytes
    expected = gradient_bytes(world, SOLVER, state, (), policy(weights), STEPS, checkpoint)
    assert LEAST < expected / planned < MOST
