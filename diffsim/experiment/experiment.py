"""An experiment as a function to minimise: variables in, loss, residuals and metrics out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.controllers.controller import Interface, Seeing
from diffsim.controllers.table import CONTROLLERS
from diffsim.experiment.config import RunConfig, controller_sensors
from diffsim.experiment.device import visible_devices
from diffsim.experiment.scenario import NOTHING, Drawn, Scenario, validation_key
from diffsim.experiment.sight import Sight, camera_shape
from diffsim.experiment.simulation import make_solver, make_world
from diffsim.experiment.variables import Variables
from diffsim.math.spatial import Motion
from diffsim.math.vectors import Vec3
from diffsim.programs import Program
from diffsim.robots.caveats import caveats
from diffsim.sensors.sensors import Sensors
from diffsim.simulate.batch import copies, is_finite
from diffsim.simulate.gradient_flow import EXACT, GradientFlow
from diffsim.simulate.memory import gradient_bytes, weight_bytes
from diffsim.simulate.rollout import Policy, Reverse, hold, rollout, sample_and_hold
from diffsim.simulate.sharding import copied_to, shard_count, share_robots
from diffsim.simulate.simulator import Engine
from diffsim.tasks.push import push_velocities
from diffsim.tasks.table import TASKS
from diffsim.tasks.task import End, Evaluation, Task, Transition, step_count
from diffsim.world.world import Control, State, World, command_count, part_motion


class Episode(NamedTuple):
    """Arguments of a rollout: simulator, state, policy, steps; of one robot or of several."""

    simulator: Engine
    state: State
    policy: Policy
    steps: int

    @property
    def world(self) -> World:
        """The world of the robots."""
        return self.simulator.world

    def pushed(self, pushes: Vec3 | None) -> Episode:
        """This episode with disturbances of its bodies, or None for none."""
        return self._replace(policy=dataclasses.replace(self.policy, pushes=pushes))


class Experiment:
    """Robot, controller and task of one config, simulated as a pure function of the variables.

    This is the ``Problem`` that optimisers minimise. A task that draws something is simulated as a
    batch of episodes, shared among all devices.

    Attributes:
        config: of the run.
        variables: what is optimised.
        initial, lower, upper: where it begins and its bounds, divided by its scales, shape
            (variables,).
        controller, solver: of the episodes.
        part_names, body_names, contact_names, drive_names: of the robot, in the engine's order.
        task: what is to be achieved.
        random: whether episodes differ.
        steps: number of time steps of an episode.
        episodes: that one evaluation simulates.
        sharding: where x is wanted if several devices share the episodes.
    """

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        world = make_world(config.robot, config.simulation, config.solver)
        self.part_names, self.body_names = world.parts.names, world.bodies.names
        self.contact_names, self.drive_names = world.contacts.names, world.drives.names
        self.task: Task = TASKS[config.task.kind](config.task, world)
        self.random = config.task.varies
        self.steps = step_count(config.task.duration, config.simulation.dt)
        self.solver = make_solver(config.solver)
        readings = len(self._sensors(config).names)
        interface = Interface(readings, command_count(world), camera_shape(config))
        self.controller = CONTROLLERS[config.controller.kind](config.controller, interface)
        parameters, self._memory = self.controller.init(jax.random.key(config.seed))
        self.variables = Variables(config, parameters)
        self.initial = self.variables.initial
        self.lower, self.upper = self.variables.lower, self.variables.upper
        self.scenario = Scenario(config, world, self.task, self.variables)
        self.episodes = config.batch
        visible = visible_devices()
        self._devices = visible[: shard_count(self.episodes, len(visible))]
        self.sharding: jax.sharding.Sharding | None = (
            copied_to(self._devices) if len(self._devices) > 1 else None
        )

    def evaluate(
        self, x: jax.Array, key: jax.Array | None = None, flow: GradientFlow = EXACT
    ) -> Evaluation:
        """One episode, or the means over a batch of them: loss, residuals and metrics.

        Args:
            x: the variables, divided by their scales, shape (variables,).
            key: of what the task draws; may be None if it draws nothing.
            flow: what becomes of the gradient on its way back through time.

        Raises:
            ValueError: if the task draws something, and there is no key.
        """
        if not self.random:
            return self._evaluate(x, NOTHING, flow)
        if key is None:
            raise ValueError("this task draws something in every episode: a key is needed")

        def total(x: jax.Array, draws: Any) -> Any:
            found = self._evaluate(x, draws, flow)
            return jax.tree.map(jnp.sum, (found.loss, found.metrics))

        draws = self.draw(key, self.episodes, training=True)
        sums = share_robots(total, draws, self._devices)(x, draws)
        loss, metrics = jax.tree.map(lambda number: number / self.episodes, sums)
        return Evaluation(loss, None, metrics)

    def each(self, x: jax.Array, key: jax.Array, count: int) -> Evaluation:
        """Loss and metrics of single episodes, shapes (count,)."""
        if not self.random:
            found = self._evaluate(x, NOTHING, EXACT)._replace(residuals=None)
            return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count,)), found)
        return self._evaluate(x, self.draw(key, count), EXACT)

    def draw(self, key: jax.Array, count: int, training: bool = False) -> Drawn:
        """Draw what is random in several episodes, along the last axes (``Scenario.draw``)."""
        return self.scenario.draw(key, count, training)

    def sensitivity(self, x: jax.Array, key: jax.Array, flow: GradientFlow) -> Vec3:
        """Gradient of the loss with respect to the bodies' velocities before every step.

        Components (steps, bodies), and one more axis of episodes where a task draws something.
        """
        draw = self.draw(key, self.episodes, training=True) if self.random else NOTHING

        def loss(pushes: Vec3) -> jax.Array:
            return jnp.mean(self._evaluate(x, draw, flow, pushes).loss)

        state = self._episode(x, draw).state
        none = jnp.zeros((self.steps, *state.twist.linear.x.shape), state.twist.linear.x.dtype)
        return jax.grad(loss)(Vec3(none, none, none))

    def caveats(self) -> list[str]:
        """Sentences about what the engine does not resolve of the robot as configured."""
        robot = self.config.robot
        return caveats(robot, self.scenario.known.world, self.scenario.known.start)

    def gradient_bytes(self) -> int:
        """Memory that the gradient of one evaluation takes, about; nothing is computed."""
        draw = self.draw(jax.random.key(0), self.episodes) if self.random else NOTHING
        found: list[int] = []

        def look(x: jax.Array) -> None:
            episode = self._episode(x, draw)
            found.append(gradient_bytes(*episode, self.config.simulation.checkpoint))

        x = jnp.asarray(self.initial)
        jax.eval_shape(look, x)
        return found[0] + weight_bytes(x, len(self._devices))

    @cached_property
    def _compiled_trajectory(self) -> Program:
        return Program(self.trajectory)

    def motion(self, x: np.ndarray) -> Motion:
        """Compute ``trajectory`` by a program that is compiled once."""
        found: Motion = self._compiled_trajectory(jnp.asarray(x, self.initial.dtype))
        return found

    def trajectory(self, x: jax.Array) -> Motion:
        """The motion in one episode, the initial one first; leading axis (steps + 1,)."""
        seen: Motion = self.watch(x, lambda world: partial(part_motion, world.parts))
        return seen

    def watch(self, x: jax.Array, observer: Callable[[World], Callable[[State], Any]]) -> Any:
        """Observe one episode by an observer that is made for its world.

        The start comes first; leading axis (steps + 1,).
        """
        draw = self._watched()
        episode = self._episode(x, draw)
        observe = observer(episode.world)
        episode = episode.pushed(self._pushes(episode, draw.pushes))
        result = rollout(*episode, lambda state, _: observe(state))
        first = observe(episode.state)
        return jax.tree.map(
            lambda start, rest: jnp.concatenate([start[None], rest]), first, result.observations
        )

    def watched_goal(self) -> Vec3 | None:
        """Goal of the episode that is watched [m], if the task has one."""
        return self.task.goal(self._watched().task)

    def _watched(self) -> Drawn:
        return self.scenario.draw_one(validation_key(self.config.seed)) if self.random else NOTHING

    def _evaluate(
        self, x: jax.Array, draw: Drawn, flow: GradientFlow, pushes: Vec3 | None = None
    ) -> Evaluation:
        """Evaluate one episode, or each of several."""
        episode = self._episode(x, draw)
        drawn = self._pushes(episode, draw.pushes)
        if drawn is not None:
            pushes = drawn if pushes is None else drawn + pushes
        world = episode.world

        def observe(state: State, control: Control) -> Any:
            return self.task.observe(Transition(world, state, control.command, draw.task))

        reverse = Reverse(self.config.simulation.checkpoint, flow)
        result = rollout(*episode.pushed(pushes), observe, reverse)
        end = End(world, result.state, draw.task)
        found = self.task.evaluate(result.observations, end)
        sound = _one_or_nan(result.state)
        return jax.tree.map(lambda figure: figure * sound, found)

    def _pushes(self, episode: Episode, directions: jax.Array | None) -> Vec3 | None:
        """Velocities that pushes add at every step, None without pushes."""
        task = self.config.task
        if directions is None:
            return None
        parts = episode.world.parts
        body = parts.body[parts.names.index(task.body)]
        return push_velocities(task, directions, episode.state, body, self.config.simulation.dt)

    def _episode(self, x: jax.Array, draw: Drawn) -> Episode:
        """Arguments of an episode's rollout."""
        config, parameters = self.variables.unpack(x)
        sensors = self._sensors(config)
        goal = self.task.goal(draw.task)

        world, state = self.scenario.begin(config, draw)
        memory = self._memory
        if draw.robots is not None:
            memory = copies(memory, draw.robots)

        def episode(policy: Policy) -> Episode:
            return Episode(Engine(world, self.solver), state, policy, self.steps)

        if config.controller.sees is not None:
            sight = Sight(config, cast(Seeing, self.controller), world)
            return episode(sight.policy(parameters, state))

        held = config.task.control_steps(self.config.simulation.dt)
        if sensors.closed and self.controller.reads:

            def control(memory: Any, state: State) -> tuple[Any, jax.Array]:
                readings = sensors.read(world, state, goal)
                return self.controller.apply(parameters, memory, readings)

            def closed_loop(memory: Any, state: State) -> tuple[Any, Control]:
                memory, commands = control(memory, state)
                return memory, Control(commands)

            if held == 1:
                return episode(Policy(closed_loop, memory))
            idle = jnp.zeros((command_count(world), *state.time.shape), state.time.dtype)
            return episode(sample_and_hold(control, memory, idle, held))

        # What does not depend on the motion is worked out for all time steps, before the first.
        if self.controller.reads and not sensors.clocked and not jax.tree.leaves(memory):
            readings = sensors.read(world, state, goal)
            _, command = self.controller.apply(parameters, memory, readings)
            return episode(hold(Control(command)))
        periods = -(-self.steps // held)
        if self.controller.reads:
            readings = jax.vmap(
                lambda step: sensors.read(
                    world, state._replace(time=state.time + step * world.timestep), goal
                )
            )(held * jnp.arange(periods))
        else:
            readings = jnp.zeros((periods, 0, *state.time.shape), state.time.dtype)
        commands = self.controller.unroll(parameters, memory, readings)
        if held > 1:
            commands = jnp.repeat(commands, held, axis=0)[: self.steps]
        by_step = Policy(lambda memory, _, command: (memory, Control(command)), given=commands)
        return episode(by_step)

    @staticmethod
    def _sensors(config: RunConfig) -> Sensors:
        robot = dataclasses.replace(config.robot, sensors=controller_sensors(config))
        return Sensors(robot)


def _one_or_nan(state: State) -> jax.Array:
    """Factor for the figures of an episode: 1, or nan if its final state is not finite.

    Whatever a task makes of a motion that is not finite, its figures and their gradient are then
    nan: such an episode never counts as a success. Shape () or (robots,).
    """
    return jnp.where(is_finite(state), 1.0, jnp.nan)
