"""An experiment as a function to minimise: variables in, loss, residuals and metrics out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from diffsim.controllers.controller import make_controller
from diffsim.engine.rollout import Rollout, rollout
from diffsim.engine.solver.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.engine.world import Control, State, World
from diffsim.experiment.config import RunConfig
from diffsim.experiment.variables import Variables
from diffsim.robots.build import build_world, initial_state
from diffsim.sensors import read_sensors, sensor_names
from diffsim.tasks.task import Evaluation, make_task


class Experiment:
    """Robot, controller and task of one config, simulated as a pure function of the variables.

    This is the ``Problem`` that optimisers minimise.

    Attributes:
        variables: what is optimised.
        task: what is to be achieved.
        steps: number of time steps of an episode.
    """

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        world = self._world(config)
        self.body_names = world.bodies.names
        self.task = make_task(config.task, world)
        self.steps = max(1, round(self.task.duration / config.simulation.dt))
        self.solver = ProjectedGaussSeidel(
            config.solver.iterations, config.solver.friction, config.solver.warm_start
        )
        self.controller = make_controller(
            config.controller, len(sensor_names(config.robot)), len(config.robot.thrusters)
        )
        parameters, self._memory = self.controller.init(jax.random.key(config.seed))
        self.variables = Variables(config, parameters)
        self.initial = self.variables.initial
        self.lower, self.upper = self.variables.lower, self.variables.upper

    @staticmethod
    def _world(config: RunConfig) -> World:
        return build_world(config.robot, config.simulation.gravity, config.simulation.dt)

    def evaluate(self, x: jax.Array, gradient_decay: float = 1.0) -> Evaluation:
        """One episode: its loss, residuals and metrics."""
        world, result = self._simulate(
            x, lambda world: lambda state: self.task.observe(world, state), gradient_decay
        )
        return self.task.evaluate(world, result)

    def trajectory(self, x: jax.Array) -> State:
        """The states of one episode, the initial one first; leading axis (steps + 1,)."""
        first = initial_state(self.variables.unpack(x).config.robot)
        _, result = self._simulate(x, lambda world: lambda state: state, 1.0)
        return jax.tree.map(
            lambda start, rest: jnp.concatenate([start[None], rest]), first, result.observations
        )

    def _simulate(
        self,
        x: jax.Array,
        make_observer: Callable[[World], Callable[[State], Any]],
        gradient_decay: float,
    ) -> tuple[World, Rollout]:
        config, parameters = self.variables.unpack(x)
        world = self._world(config)

        def policy(memory: Any, state: State) -> tuple[Any, Control]:
            readings = read_sensors(config.robot, state)
            memory, commands = self.controller.apply(parameters, memory, readings)
            return memory, Control(thrust=commands)

        result = rollout(
            world,
            self.solver,
            initial_state(config.robot),
            self._memory,
            policy,
            self.steps,
            make_observer(world),
            gradient_decay,
        )
        return world, result
