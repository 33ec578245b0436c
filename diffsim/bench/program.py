"""The program that a cell measures: robots that walk in a closed loop, and how far they get."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.bench.config import BenchConfig, BenchSettings, Cell
from diffsim.bench.operations import step_equations
from diffsim.experiment.device import check_fits, visible_devices
from diffsim.experiment.simulation import make_solver, make_world
from diffsim.robots.build import initial_state
from diffsim.sensors.sensors import Sensors
from diffsim.simulate.batch import side_by_side
from diffsim.simulate.memory import gradient_bytes, weight_bytes
from diffsim.simulate.rollout import Policy, Reverse, rollout
from diffsim.simulate.sharding import shard_count, share_robots
from diffsim.simulate.simulator import Engine
from diffsim.validation import ConfigError
from diffsim.world.world import Control, State, command_count

Weights = tuple[jax.Array, ...]

SPREAD = 0.1
"""Standard deviation of the robots' initial velocities [m/s]: no two of them move alike."""

LAST_LAYER = 0.01
"""Scale of the last layer's weights: small commands."""


def make_weights(key: jax.Array, sizes: Sequence[int]) -> Weights:
    """Matrices of a net without biases, shapes (outputs, inputs)."""
    keys = jax.random.split(key, len(sizes) - 1)
    scales = [math.sqrt(2.0 / inputs) for inputs in sizes[:-2]] + [LAST_LAYER]
    return tuple(
        scale * jax.random.normal(key, (outputs, inputs))
        for key, scale, inputs, outputs in zip(keys, scales, sizes[:-1], sizes[1:], strict=True)
    )


def apply(weights: Weights, readings: jax.Array) -> jax.Array:
    """Commands, shape (commands, ...), of readings (readings, ...): a net with rectified units."""
    for matrix in weights[:-1]:
        readings = jnp.maximum(matrix @ readings, 0.0)
    return weights[-1] @ readings


class TimedProgram(NamedTuple):
    """Function to be timed, with its arguments.

    Attributes:
        function: of weights and initial states.
        weights: of the controller.
        start: initial states.
        gradient_bytes: memory that the gradient is expected to take, None for a forward pass.
        devices: that share the robots.
        equations: of one step of the robots, with its reverse pass for a gradient.
    """

    function: Callable[[Weights, State], Any]
    weights: Weights
    start: State
    gradient_bytes: int | None
    devices: int
    equations: int


def shard_devices(settings: BenchSettings, robots: int) -> list[jax.Device]:
    """The devices that share the robots of a cell.

    Raises:
        ConfigError: if there are not as many as asked for.
    """
    visible = visible_devices()
    if robots == 1:
        return visible[:1]
    count = settings.shards or shard_count(robots, len(visible))
    if count > len(visible):
        raise ConfigError(
            f"bench.shards must be at most {len(visible)}, the devices there are, got {count}"
        )
    return visible[:count]


def make_program(config: BenchConfig, cell: Cell) -> TimedProgram:
    """The function to be timed and its arguments.

    The function gives the mean distance along x over all robots, or its value and gradient with
    respect to all weights, through all time steps. Several robots lie along the last axis of every
    array, and may be shared among devices.

    Raises:
        ConfigError: if the gradient would not fit into memory.
    """
    checkpoint = config.simulation.checkpoint
    devices = shard_devices(config.bench, cell.robots)
    device = devices[0]
    solver_config = config.solver if cell.solver == "default" else config.paper_solver
    world = make_world(config.robot, config.simulation, solver_config)
    solver = make_solver(solver_config)
    sensors = Sensors(config.robot)
    start = initial_state(config.robot, world)

    hidden = config.bench.hidden if cell.controller == "dense" else []
    sizes = [len(sensors.names), *hidden, command_count(world)]
    keys = jax.random.split(jax.random.key(config.seed))
    weights = make_weights(keys[0], sizes)
    if cell.robots > 1:
        world, start = side_by_side(world, start, cell.robots)
        push = SPREAD * jax.random.normal(keys[1], (2, cell.robots))
        linear = start.twist.linear
        pushed = linear._replace(x=linear.x + push[0], y=linear.y + push[1])
        start = start._replace(twist=start.twist._replace(linear=pushed))
    simulator = Engine(world, solver)

    def policy(weights: Weights) -> Policy:
        def commands(memory: Any, state: State) -> tuple[Any, Control]:
            return memory, Control(apply(weights, sensors.read(world, state)))

        return Policy(commands)

    def distance(weights: Weights, start: State) -> jax.Array:
        """Summed over the robots."""
        reverse = Reverse(checkpoint)
        result = rollout(simulator, start, policy(weights), config.bench.steps, reverse=reverse)
        return jnp.sum(result.state.pose.position.x[0])

    function: Callable[[Weights, State], Any] = distance
    needed = None
    if cell.gradient:
        function = jax.value_and_grad(distance)
        steps = config.bench.steps
        needed = gradient_bytes(simulator, start, policy(weights), steps, checkpoint)
        needed += weight_bytes(weights, len(devices))
        # Virtual devices of one CPU have one memory.
        own = needed if device.platform == "cpu" else needed // len(devices)
        check_fits(own, device, checkpoint)
    if cell.robots > 1:
        function = share_robots(function, start, devices)

    def mean(weights: Weights, start: State) -> Any:
        return jax.tree.map(lambda total: total / cell.robots, function(weights, start))

    equations = step_equations(simulator, start, cell.gradient)
    return TimedProgram(mean, weights, start, needed, len(devices), equations)
