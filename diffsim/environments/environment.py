"""Robots and their task, lived step by step: pure functions, differentiable throughout.

For learning from whole episodes see ``diffsim.experiment``. Here a learner gives the commands of
each control period and gets readings, cost and whether the episode is over. Robots are side by side
along the last axis; a robot whose episode is over begins the next one in the same call.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.experiment.check import check_episodes
from diffsim.experiment.config import RunConfig, controller_sensors
from diffsim.experiment.scenario import Drawn, Scenario
from diffsim.experiment.simulation import make_solver, make_world
from diffsim.math.indexing import scatter_add
from diffsim.math.vectors import Vec3
from diffsim.robots.replace import replace
from diffsim.sensors.sensors import Sensors
from diffsim.simulate.batch import is_finite
from diffsim.simulate.simulator import Engine
from diffsim.tasks.push import push_before
from diffsim.tasks.table import TASKS
from diffsim.tasks.task import End, Task, Transition, step_count
from diffsim.validation import ConfigError
from diffsim.world.world import Control, State, World, command_count


class Life(NamedTuple):
    """State of a robot between the control periods of an episode.

    Attributes:
        state: of the robot.
        own: arrays of its world that are its own, because their numbers are drawn.
        draw: of the episode.
        seen: by the task at the last time step.
        step: number of time steps since the start, shape ().
    """

    state: State
    own: tuple[jax.Array, ...]
    draw: Drawn
    seen: Any
    step: jax.Array


class EnvironmentState(NamedTuple):
    """An environment after a control period, and what a learner is told of it.

    All arrays have the robots' axis behind those that are named, if there are several.

    Attributes:
        life: what goes on; of the new episode where one has ended.
        key: of what is drawn next, one for all robots.
        observation: readings of the sensors, shape (readings,); of the new episode, too.
        cost: mean over the time steps of the period, shape (); nan where the motion is not finite.
            The mean over an episode of full length is the loss that ``diffsim-run`` minimises.
        terminated: whether the task has ended the episode, or the motion is not finite, shape ().
        truncated: whether its time is over, shape ().
        final_observation: readings at the end of the period, before a new episode began.
        metrics: figures of the task at the last time step, each of shape ().
    """

    life: Life
    key: jax.Array
    observation: jax.Array
    cost: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    final_observation: jax.Array
    metrics: dict[str, jax.Array]

    @property
    def done(self) -> jax.Array:
        """Flag of episodes that are over, for either reason."""
        return self.terminated | self.truncated


class Environment:
    """Robot and task of a config, lived step by step.

    ``reset`` and ``step`` are pure and traceable: put them into ``jax.jit``, ``jax.lax.scan`` and
    ``jax.grad``.

    Attributes:
        config: of robot, task, sensors, solver and time step.
        task: of the episodes.
        robots: how many side by side, None for a single one without an axis.
        observation_names, observation_units: of all readings.
        action_names: of all commands: thrusters, then motors.
        substeps: time steps in a control period.
        steps: control periods in an episode.
    """

    def __init__(
        self,
        config: RunConfig,
        robots: int | None = None,
        *,
        training: bool = True,
    ) -> None:
        """The environment of a config, on JAX's default device and in its default precision.

        Args:
            config: robot, task, solver and simulation in it count, and nothing else.
            robots: how many side by side, None for a single one without an axis.
            training: whether some episodes begin where the task is to be practised from.

        Raises:
            ConfigError: if the config cannot be used, or there is no robot.
        """
        check_episodes(config)
        if robots is not None and robots < 1:
            raise ConfigError(f"robots must be at least 1, or None for one alone, got {robots}")
        self.config = config
        self.robots = robots
        self._training = training
        robot = config.robot
        self._world = make_world(robot, config.simulation, config.solver)
        self._solver = make_solver(config.solver)
        self.task: Task = TASKS[config.task.kind](config.task, self._world)
        self._scenario = Scenario(config, self._world, self.task)
        self._sensors = Sensors(replace(robot, {"sensors": controller_sensors(config)}))
        self.observation_names = self._sensors.names
        self.observation_units = self._sensors.units
        self.action_names = (*robot.thrusters, *robot.motors)
        self.substeps = config.task.control_steps(config.simulation.dt)
        time_steps = step_count(config.task.duration, config.simulation.dt)
        self.steps, rest = divmod(time_steps, self.substeps)
        if rest:
            raise ConfigError(
                f"task.control_period must divide task.duration ({config.task.duration}), "
                f"got {config.task.control_period}"
            )
        if type(self.task).cost is Task.cost:
            raise ConfigError(
                f"task must say what a time step costs, {config.task.kind} is a task of whole "
                "episodes alone"
            )

    @property
    def action_count(self) -> int:
        """Number of commands."""
        return command_count(self._world)

    def reset(self, key: jax.Array) -> EnvironmentState:
        """All robots at the start of an episode.

        Args:
            key: of what is drawn, in this episode and in those that follow.
        """
        key, now = jax.random.split(key)
        life = self._begin(now)
        observation = self._observe(life)
        over = jnp.zeros(life.step.shape, bool)
        cost = jnp.zeros(life.step.shape, observation.dtype)
        metrics = self._measure(life)
        return EnvironmentState(life, key, observation, cost, over, over, observation, metrics)

    def step(self, now: EnvironmentState, action: jax.Array) -> EnvironmentState:
        """All robots one control period later; those whose episode is over begin the next one.

        Args:
            now: as ``reset`` or ``step`` gave it.
            action: commands, shape (commands,), in the units of each thruster and motor; clipped to
                their ranges.
        """
        after = self.advance(now, action)
        key, fresh = jax.random.split(now.key)
        # Nothing is drawn and placed while no episode is over.
        over = after.done
        life = jax.lax.cond(
            jnp.any(over), self._begin_anew, lambda *same: same[2], fresh, over, after.life
        )
        return after._replace(life=life, key=key, observation=self._observe(life))

    def advance(self, now: EnvironmentState, action: jax.Array) -> EnvironmentState:
        """All robots one control period later, also beyond the end of an episode; see ``step``."""
        life, cost = self._advance(now.life, action)
        world, draw = self._world_of(life), life.draw.task
        ended = self.task.ended(Transition(world, life.state, action, draw))
        terminated = ended | ~is_finite(life.state)
        truncated = (life.step >= self.steps * self.substeps) & ~terminated
        terminal = self.task.terminal(End(world, life.state, draw)).cost
        cost = cost + jnp.where(terminated | truncated, self.steps * terminal, 0.0)
        observation, metrics = self._observe(life), self._measure(life)
        return EnvironmentState(
            life, now.key, observation, cost, terminated, truncated, observation, metrics
        )

    def _begin(self, key: jax.Array) -> Life:
        """Robots at the start of episodes."""
        scenario, robots = self._scenario, self.robots
        if robots is None:
            draw = scenario.draw_one(key, training=self._training)
        else:
            draw = scenario.draw(key, robots, training=self._training)
        world, state = scenario.begin(self.config, draw, robots)
        step = jnp.zeros(state.time.shape, jnp.int32)
        idle = jnp.zeros((self.action_count, *state.time.shape), state.time.dtype)
        seen = self.task.observe(Transition(world, state, idle, draw.task))
        return Life(state, scenario.own_leaves(world), draw, seen, step)

    def _begin_anew(self, key: jax.Array, over: jax.Array, life: Life) -> Life:
        """Those robots whose episode is over at the start of the next one."""
        return jax.tree.map(lambda new, old: jnp.where(over, new, old), self._begin(key), life)

    def _advance(self, life: Life, action: jax.Array) -> tuple[Life, jax.Array]:
        """The robots after a control period, and its mean cost."""
        world = self._world_of(life)
        simulator, draw = Engine(world, self._solver), life.draw

        def time_step(life: Life, _: None) -> tuple[Life, jax.Array]:
            state = life.state
            if draw.pushes is not None:
                state = self._pushed(state, draw.pushes, life.step)
            state = simulator.step(state, Control(action))
            seen = self.task.observe(Transition(world, state, action, draw.task))
            first = life.step == 0
            before = jax.tree.map(lambda a, b: jnp.where(first, a, b), seen, life.seen)
            cost = self.task.cost(seen, before, life.step)
            cost = jnp.broadcast_to(cost, life.step.shape)
            return life._replace(state=state, seen=seen, step=life.step + 1), cost

        if self.substeps == 1:
            return time_step(life, None)
        life, costs = jax.lax.scan(time_step, life, None, length=self.substeps)
        return life, jnp.mean(costs, axis=0)

    def _pushed(self, state: State, directions: jax.Array, step: jax.Array) -> State:
        """The state with the push of this time step, if there is one."""
        task, parts = self.config.task, self._world.parts
        push = push_before(task, self.config.simulation.dt, directions, step)
        body = parts.body[parts.names.index(task.body)]
        old = state.twist.linear
        pairs = zip(old, push, strict=True)
        new = Vec3(*(scatter_add(c, (body,), change[None]) for c, change in pairs))
        return state._replace(twist=state.twist._replace(linear=new))

    def _world_of(self, life: Life) -> World:
        """The robots' world, with what is a robot's own in it."""
        return self._scenario.with_own_leaves(life.own, self.robots)

    def _observe(self, life: Life) -> jax.Array:
        goal = self.task.goal(life.draw.task)
        return self._sensors.read(self._world_of(life), life.state, goal)

    def _measure(self, life: Life) -> dict[str, jax.Array]:
        """Figures of the last time step alone."""
        seen = jax.tree.map(lambda leaf: leaf[None], life.seen)
        found = self.task.measure(seen, End(self._world_of(life), life.state, life.draw.task))
        return {name: jnp.broadcast_to(f, life.step.shape) for name, f in found.items()}
