"""What the gradient of a rollout is expected to take is near what XLA plans for it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

from diffsim.sensors.sensors import Sensors
from diffsim.simulate.memory import gradient_bytes, weight_bytes
from diffsim.simulate.rollout import CHECKPOINTS, Policy, Reverse, rollout
from diffsim.simulate.simulator import Engine
from diffsim.world.world import Control, State
from tests.robots_in_package import robot_config
from tests.worlds import build

STEPS = 100
ROBOTS = 64
LEAST, MOST = 0.8, 2.0


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_the_expected_memory_is_near_the_planned_one(checkpoint: str) -> None:
    robot = robot_config("cartpole")
    world, state = build(robot, timestep=0.01)
    sensors = Sensors(robot)
    world = jax.tree.map(lambda leaf: leaf[..., None] if leaf.ndim else leaf, world)
    state = jax.tree.map(lambda x: jnp.broadcast_to(x[..., None], (*x.shape, ROBOTS)), state)

    def policy(weights: jax.Array):
        return Policy(lambda memory, s: (memory, Control(weights @ sensors.read(world, s))))

    def distance(weights: jax.Array) -> jax.Array:
        reverse = Reverse(checkpoint)
        result = rollout(Engine(world), state, policy(weights), STEPS, reverse=reverse)
        return jnp.sum(result.state.pose.position.x)

    weights = jnp.ones((1, len(sensors.names)))
    compiled = jax.jit(jax.grad(distance)).lower(weights).compile()
    planned = compiled.memory_analysis().temp_size_in_bytes
    expected = gradient_bytes(Engine(world), state, policy(weights), STEPS, checkpoint)
    assert LEAST < expected / planned < MOST


@pytest.mark.slow
def test_large_weights_are_expected_to_take_memory_too() -> None:
    robot = robot_config("cartpole")
    world, state = build(robot, timestep=0.01)
    sensors = Sensors(robot)
    readings, hidden = len(sensors.names), 500

    def distance(weights: dict[str, jax.Array]) -> jax.Array:
        def policy(memory: None, s: State) -> tuple[None, Control]:
            seen = weights["middle"] @ (weights["first"] @ sensors.read(world, s))
            return memory, Control(weights["last"] @ seen)

        end = rollout(Engine(world), state, Policy(policy, None), STEPS).state
        return jnp.sum(end.pose.position.x)

    shapes = {"first": (hidden, readings), "middle": (hidden, hidden), "last": (1, hidden)}
    weights = {name: jnp.ones(shape) for name, shape in shapes.items()}
    memory = jax.jit(jax.grad(distance)).lower(weights).compile().memory_analysis()
    planned = (
        memory.temp_size_in_bytes + memory.output_size_in_bytes + memory.argument_size_in_bytes
    )
    assert LEAST < weight_bytes(weights) / planned < MOST
