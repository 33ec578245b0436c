"""An experiment as a function to minimise: variables in, loss, residuals and metrics out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from diffsim.controllers.controller import make_controller
from diffsim.engine.memory import gradient_bytes
from diffsim.engine.rollout import Policy, Rollout, rollout
from diffsim.engine.solver.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.engine.world import Control, PartMotion, State, World, command_count, part_motion
from diffsim.experiment.config import RunConfig, SimulationConfig, SolverConfig
from diffsim.experiment.variables import Variables
from diffsim.robots.build import build_world, initial_state
from diffsim.robots.config import RobotConfig
from diffsim.sensors import Sensors
from diffsim.tasks.task import Evaluation, make_task


def make_solver(config: SolverConfig) -> ProjectedGaussSeidel:
    """The solver that a config describes."""
    return ProjectedGaussSeidel(
        iterations=config.iterations,
        rounds=config.rounds,
        momentum=config.momentum,
        drift_iterations=config.drift_iterations,
        friction=config.friction,
        warm_start=config.warm_start,
        erp=config.erp,
        gradient=config.gradient,
    )


def make_world(robot: RobotConfig, simulation: SimulationConfig, solver: SolverConfig) -> World:
    """The world of a robot, built as its solver wants it; traceable."""
    return build_world(
        robot,
        simulation.gravity,
        simulation.dt,
        eliminate_joints=solver.kind == "elimination",
        merge_fixed=solver.merge_fixed,
    )


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
        self.body_names = world.parts.names
        self.task = make_task(config.task, world)
        self.steps = max(1, round(self.task.duration / config.simulation.dt))
        self.solver = make_solver(config.solver)
        self.controller = make_controller(
            config.controller, len(Sensors(config.robot, world).names), command_count(world)
        )
        parameters, self._memory = self.controller.init(jax.random.key(config.seed))
        self.variables = Variables(config, parameters)
        self.initial = self.variables.initial
        self.lower, self.upper = self.variables.lower, self.variables.upper

    @staticmethod
    def _world(config: RunConfig) -> World:
        return make_world(config.robot, config.simulation, config.solver)

    def evaluate(self, x: jax.Array, gradient_decay: float = 1.0) -> Evaluation:
        """One episode: its loss, residuals and metrics."""
        world, result = self._simulate(
            x, lambda world: lambda state: self.task.observe(world, state), gradient_decay
        )
        return self.task.evaluate(world, result)

    def gradient_bytes(self) -> int:
        """Memory that the gradient of one episode takes, about."""
        checkpoint = self.config.simulation.checkpoint
        return gradient_bytes(*self._episode(jnp.asarray(self.initial)), checkpoint)

    def trajectory(self, x: jax.Array) -> PartMotion:
        """The motion in one episode, the initial one first; leading axis (steps + 1,)."""
        config = self.variables.unpack(x).config
        world = self._world(config)
        first = part_motion(world.parts, initial_state(config.robot, world))
        _, result = self._simulate(
            x, lambda world: lambda state: part_motion(world.parts, state), 1.0
        )
        return jax.tree.map(
            lambda start, rest: jnp.concatenate([start[None], rest]), first, result.observations
        )

    def _simulate(
        self,
        x: jax.Array,
        make_observer: Callable[[World], Callable[[State], Any]],
        gradient_decay: float,
    ) -> tuple[World, Rollout]:
        episode = self._episode(x)
        world = episode[0]
        checkpoint = self.config.simulation.checkpoint
        return world, rollout(*episode, make_observer(world), gradient_decay, checkpoint)

    def _episode(self, x: jax.Array) -> tuple[World, ProjectedGaussSeidel, State, Any, Policy, int]:
        """What a rollout is told: world, solver, initial state, memory, policy and steps."""
        config, parameters = self.variables.unpack(x)
        world = self._world(config)
        sensors = Sensors(config.robot, world)

        def policy(memory: Any, state: State) -> tuple[Any, Control]:
            readings = sensors.read(world, state)
            memory, commands = self.controller.apply(parameters, memory, readings)
            return memory, Control(commands)

        start = initial_state(config.robot, world)
        return world, self.solver, start, self._memory, policy, self.steps
