"""diffsim, at its default solver."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers.task import PeerCell
from diffsim.cli.configuration import compose_bench_config
from diffsim.experiment.simulation import make_solver, make_world
from diffsim.math.indexing import column
from diffsim.robots.build import initial_state
from diffsim.sensors.sensors import Sensors
from diffsim.simulate.batch import side_by_side
from diffsim.simulate.rollout import Policy, hold, rollout
from diffsim.simulate.sharding import share_robots
from diffsim.simulate.simulator import Engine
from diffsim.simulate.step import step
from diffsim.world.world import Control, State, command_count

CONVERGED = 1000
"""Sweeps."""


class Ours:
    """Robots along the last axis of every array, shared among a device for each thread."""

    def __init__(self, task: PeerCell):
        config = compose_bench_config(f"simulation.dt={task.timestep}")
        self.task = task
        self.world = make_world(config.robot, config.simulation, config.solver)
        self.solver = make_solver(config.solver)
        self.sensors = Sensors(config.robot)
        # Forces are some hundred times as large as the other readings.
        self.scale = jnp.array([0.01 if unit == "N" else 1.0 for unit in self.sensors.units])
        self.start = self._settled(initial_state(config.robot, self.world))
        if task.robots > 1:
            push = jnp.asarray(task.pushes().T)
            self.world, start = side_by_side(self.world, self.start, task.robots)
            linear = start.twist.linear
            pushed = linear._replace(x=linear.x + push[0], y=linear.y + push[1])
            self.start = start._replace(twist=start.twist._replace(linear=pushed))
        self.weights = jnp.asarray(task.weights())

        both = jax.value_and_grad(self._value, has_aux=True)
        self._forward, self._both = (jax.jit(self._shared(f)) for f in (self._value, both))
        wanted = self._both if task.gradient else self._forward
        self.compiled = wanted.lower(self.weights, self.start).compile()

    def run(self) -> dict[str, Any]:
        found = jax.block_until_ready(self.compiled(self.weights, self.start))
        (value, height), gradient = found if self.task.gradient else (found, None)
        result = {"value": float(value), "height": float(height)}
        if gradient is not None:
            result["largest"] = float(np.abs(np.asarray(gradient)).max())
        return result

    def value(self, weights: np.ndarray) -> float:
        return float(self._forward(jnp.asarray(weights), self.start)[0])

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        return np.asarray(self.compiled(jnp.asarray(weights), self.start)[1])

    def unconverged(self) -> list[float]:
        """Against many more sweeps, from the same states; of a single robot."""
        exact = dataclasses.replace(
            self.solver, iterations=CONVERGED, drift_iterations=CONVERGED // 3
        )

        def body(state: State, _: None) -> tuple[State, jax.Array]:
            control = Control(self._command(self.weights, state))
            after = step(self.world, self.solver, state, control)
            other = step(self.world, exact, state, control)
            error = jax.tree.map(lambda a, b: a[0] - b[0], after.twist.linear, other.twist.linear)
            return after, jnp.sqrt(error.squared_norm())

        errors = jax.jit(lambda state: jax.lax.scan(body, state, length=self.task.steps)[1])
        return [float(error) for error in errors(self.start)]

    def _command(self, weights: jax.Array, state: State) -> jax.Array:
        readings = self.sensors.read(self.world, state)
        return weights @ (readings * column(self.scale, readings))

    def _settled(self, state: State) -> State:
        if not self.task.settle:
            return state
        still = Control(jnp.zeros(command_count(self.world)))
        advance = jax.jit(
            lambda state: (
                rollout(Engine(self.world, self.solver), state, hold(still), self.task.settle).state
            )
        )
        settled: State = advance(state)
        return settled

    def _value(self, weights: jax.Array, start: State) -> tuple[jax.Array, jax.Array]:
        """Distance and height, means over all robots of the task."""

        def policy(memory: Any, state: State) -> tuple[Any, Control]:
            return memory, Control(self._command(weights, state))

        engine = Engine(self.world, self.solver)
        final = rollout(engine, start, Policy(policy), self.task.steps).state.pose.position
        robots = self.task.robots
        return jnp.sum(final.x[0]) / robots, jnp.sum(final.z[0]) / robots

    def _shared(self, function: Any) -> Any:
        if self.task.robots == 1:
            return function
        return share_robots(function, self.start, jax.devices()[: self.task.threads])
