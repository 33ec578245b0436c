"""An experiment as a function to minimise: variables in, loss, residuals and metrics out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp

from diffsim.controllers.controller import Interface, Seeing
from diffsim.controllers.table import CONTROLLERS
from diffsim.experiment.config import RunConfig, SimulationConfig, SolverConfig, controller_sensors
from diffsim.experiment.device import visible_devices
from diffsim.experiment.drawing import Urn
from diffsim.experiment.randomization import distributions, with_coordinates
from diffsim.experiment.sight import Sight, camera_shape
from diffsim.experiment.variables import Variables
from diffsim.math.spatial import Motion
from diffsim.math.vectors import Vec3
from diffsim.programs import Program, depends
from diffsim.robots.build import build_world, initial_state
from diffsim.robots.caveats import caveats
from diffsim.robots.config import RobotConfig
from diffsim.robots.ground import set_down
from diffsim.robots.replace import replace
from diffsim.sensors.sensors import Sensors
from diffsim.simulate.batch import (
    copies,
    for_each_key,
    for_each_robot,
    own_axes,
    robot_axes,
    shared_by_all,
)
from diffsim.simulate.gradient_flow import EXACT, GradientFlow
from diffsim.simulate.memory import gradient_bytes, weight_bytes
from diffsim.simulate.rollout import Observer, Policy, Reverse, hold, rollout
from diffsim.simulate.sharding import copied_to, shard_count, share_robots
from diffsim.simulate.simulator import Engine
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.tasks.push import draw_directions, push_count, push_velocities
from diffsim.tasks.start import Start, draw_places, draw_start, moved
from diffsim.tasks.table import TASKS
from diffsim.tasks.task import Draw, Evaluation
from diffsim.world.world import (
    Control,
    State,
    World,
    command_count,
    part_motion,
)


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


class Drawn(NamedTuple):
    """What is random in an episode, or in several along the last axes; None for what is not.

    Attributes:
        task: by the task itself.
        numbers: of the config, by their paths, each of shape ().
        start: where the joints begin.
        pushes: their directions.
    """

    task: Draw
    numbers: dict[str, jax.Array] | None
    start: Start | None
    pushes: jax.Array | None

    @property
    def robots(self) -> int | None:
        """How many episodes, None for a single one without an axis of its own."""
        if self.start is not None:
            return self.start.place.shape[0] if self.start.place.ndim else None
        if self.pushes is not None:
            return self.pushes.shape[1] if self.pushes.ndim == 2 else None
        leaves = jax.tree.leaves((self.numbers, self.task))
        return leaves[0].shape[-1] if leaves and leaves[0].ndim else None


NOTHING = Drawn(None, None, None, None)


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


class Known(NamedTuple):
    """World and start of one robot, and which of their arrays the variables change.

    Attributes:
        world, start: as the config has them.
        changes_world, changes_start: trees of booleans like them.
    """

    world: World
    start: State
    changes_world: World
    changes_start: State


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
        world = self._world(config)
        self.part_names, self.body_names = world.parts.names, world.bodies.names
        self.contact_names, self.drive_names = world.contacts.names, world.drives.names
        self.task = TASKS[config.task.kind](config.task, world)
        self.random = config.task.varies
        self.steps = max(1, round(config.task.duration / config.simulation.dt))
        self.solver = make_solver(config.solver)
        readings = len(self._sensors(config).names)
        interface = Interface(readings, command_count(world), camera_shape(config))
        self.controller = CONTROLLERS[config.controller.kind](config.controller, interface)
        parameters, self._memory = self.controller.init(jax.random.key(config.seed))
        self.variables = Variables(config, parameters)
        self._urn = Urn(distributions(config))
        self.initial = self.variables.initial
        self.lower, self.upper = self.variables.lower, self.variables.upper
        self._known = self._what_is_known(world)
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
        """What is random in several episodes, along the last axes.

        Those of training begin where the task says that it is to be practised from, too.
        """
        drawn = for_each_key(self._draw_one, key, count)
        if training and drawn.start is not None:
            place = draw_places(jax.random.fold_in(key, _PLACE), self.config.task, count)
            drawn = drawn._replace(start=drawn.start._replace(place=place))
        return drawn

    def _draw_one(self, key: jax.Array) -> Drawn:
        start = None
        if self.config.task.begins_differently:
            even = draw_start(jax.random.fold_in(key, _START), self.config.robot)
            start = Start(even, jnp.zeros((), jnp.int32))
        directions = None
        if push_count(self.config.task):
            directions = draw_directions(jax.random.fold_in(key, _PUSH), self.config.task)
        numbers = self._urn.draw(jax.random.fold_in(key, _NUMBERS))
        return Drawn(self.task.draw(key), numbers, start, directions)

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

    def _what_is_known(self, nominal: World) -> Known:
        """World and start as the config has them, and what of it the variables change.

        What they do not is an array here and not made anew from the config's numbers, so that
        programs are the same for other numbers.
        """
        robot = self.config.robot
        start = self._initial_state(robot, nominal)
        nothing = jax.tree.map(lambda _: False, (nominal, start))
        paths = [variable.path for variable in self.config.variables.values()]
        if not any(path.split(".")[0] in ("robot", "simulation") for path in paths):
            return Known(nominal, start, *nothing)

        def built(x: jax.Array) -> tuple[World, State]:
            config = self.variables.unpack(x).config
            world = self._world(config)
            return world, self._initial_state(config.robot, world)

        return Known(nominal, start, *depends(built, jnp.asarray(self.initial)))

    def caveats(self) -> list[str]:
        """Sentences about what the engine does not resolve of the robot as configured."""
        robot = self.config.robot
        return caveats(robot, self._known.world, self._known.start)

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
    def compiled_trajectory(self) -> Program:
        """``trajectory``, traced and compiled once."""
        return Program(self.trajectory)

    def trajectory(self, x: jax.Array) -> Motion:
        """The motion in one episode, the initial one first; leading axis (steps + 1,)."""
        seen: Motion = self.watch(x, lambda world: partial(part_motion, world.parts))
        return seen

    def watch(self, x: jax.Array, observer: Callable[[World], Observer]) -> Any:
        """What an observer, made for the world, sees in one episode.

        The start comes first; leading axis (steps + 1,).
        """
        draw = self._watched()
        episode = self._episode(x, draw)
        observe = observer(episode.world)
        result = rollout(*episode.pushed(self._pushes(episode, draw.pushes)), observe)
        first = observe(episode.state)
        return jax.tree.map(
            lambda start, rest: jnp.concatenate([start[None], rest]), first, result.observations
        )

    def watched_goal(self) -> Vec3 | None:
        """Where the goal is in the episode that is watched [m], if the task has one."""
        return self.task.goal(self._watched().task)

    def _watched(self) -> Drawn:
        return self._draw_one(validation_key(self.config.seed)) if self.random else NOTHING

    def _evaluate(
        self, x: jax.Array, draw: Drawn, flow: GradientFlow, pushes: Vec3 | None = None
    ) -> Evaluation:
        """Of one episode, or of each of several."""
        episode = self._episode(x, draw)
        drawn = self._pushes(episode, draw.pushes)
        if drawn is not None:
            pushes = drawn if pushes is None else drawn + pushes
        result = rollout(
            *episode.pushed(pushes),
            lambda state: self.task.observe(episode.world, state, draw.task),
            Reverse(self.config.simulation.checkpoint, flow),
        )
        found = self.task.evaluate(episode.world, result, draw.task)
        sound = _one_or_nan(result.state)
        return jax.tree.map(lambda figure: figure * sound, found)

    def _pushes(self, episode: Episode, directions: jax.Array | None) -> Vec3 | None:
        """What is added to the velocities at every step, if anything is."""
        task = self.config.task
        if directions is None:
            return None
        parts = episode.world.parts
        body = parts.body[parts.names.index(task.body)]
        return push_velocities(task, directions, episode.state, body, self.config.simulation.dt)

    def _episode(self, x: jax.Array, draw: Drawn) -> Episode:
        """Arguments of an episode's rollout."""
        config, parameters = self.variables.unpack(x)
        world = self._known.world
        if any(jax.tree.leaves(self._known.changes_world)):
            world = _merged(self._known.changes_world, self._world(config), world)
        sensors = self._sensors(config)
        goal = self.task.goal(draw.task)

        world, state = self._begin(config, world, draw)
        memory = self._memory
        if draw.robots is not None:
            memory = copies(memory, draw.robots)

        def episode(policy: Policy) -> Episode:
            return Episode(Engine(world, self.solver), state, policy, self.steps)

        if config.controller.sees is not None:
            sight = Sight(config, cast(Seeing, self.controller), world)
            return episode(sight.policy(parameters, sight.remember(state)))

        if sensors.closed and self.controller.reads:

            def closed_loop(memory: Any, state: State) -> tuple[Any, Control]:
                readings = sensors.read(world, state, goal)
                memory, commands = self.controller.apply(parameters, memory, readings)
                return memory, Control(commands)

            return episode(Policy(closed_loop, memory))

        # What does not depend on the motion is worked out for all time steps, before the first.
        if self.controller.reads and not sensors.clocked and not jax.tree.leaves(memory):
            readings = sensors.read(world, state, goal)
            _, command = self.controller.apply(parameters, memory, readings)
            return episode(hold(Control(command)))
        if self.controller.reads:
            readings = jax.vmap(
                lambda step: sensors.read(
                    world, state._replace(time=state.time + step * world.timestep), goal
                )
            )(jnp.arange(self.steps))
        else:
            readings = jnp.zeros((self.steps, 0, *state.time.shape), state.time.dtype)
        commands = self.controller.unroll(parameters, memory, readings)
        by_step = Policy(lambda memory, _, command: (memory, Control(command)), given=commands)
        return episode(by_step)

    def _begin(self, config: RunConfig, world: World, draw: Drawn) -> tuple[World, State]:
        """World and start of one robot, or of several along the last axes.

        What no robot has of its own in the world is shared: an axis of length 1.
        """
        known, changes = self._known.start, self._known.changes_start
        config = with_coordinates(config)

        def own(numbers: dict[str, jax.Array]) -> World:
            return self._world(replace(config, numbers))

        def begin(world: World, numbers: dict[str, jax.Array], start: Start | None) -> State:
            robot = replace(config, numbers).robot
            if start is not None:
                return self._initial_state(moved(robot, config.task, start), world)
            if numbers:
                return self._initial_state(robot, world)
            if any(jax.tree.leaves(changes)):
                return _merged(changes, self._initial_state(robot, world), known)
            return known

        numbers = draw.numbers or {}
        if draw.robots is None:
            world = own(numbers) if numbers else world
            return world, begin(world, numbers, draw.start)
        shared = shared_by_all(world)
        if not numbers:
            if draw.start is None:
                return shared, copies(begin(world, numbers, None), draw.robots)
            return shared, for_each_robot(lambda start: begin(world, {}, start))(draw.start)

        def each(drawn: tuple[dict[str, jax.Array], Start | None]) -> tuple[World, State]:
            robots_own = own(drawn[0])
            return robots_own, begin(robots_own, *drawn)

        worlds, state = for_each_robot(each)((numbers, draw.start))
        single = {path: number[0] for path, number in numbers.items()}
        return _merged(depends(own, single), worlds, shared), state

    def _initial_state(self, robot: RobotConfig, world: World) -> State:
        state = initial_state(robot, world)
        return set_down(world, state) if self.config.task.start.on_ground else state

    @staticmethod
    def _world(config: RunConfig) -> World:
        return make_world(config.robot, config.simulation, config.solver)

    @staticmethod
    def _sensors(config: RunConfig) -> Sensors:
        robot = dataclasses.replace(config.robot, sensors=controller_sensors(config))
        return Sensors(robot)


def _merged(changes: Any, new: Any, known: Any) -> Any:
    """The new arrays where they change, else the known ones."""
    return jax.tree.map(lambda is_new, a, b: a if is_new else b, changes, new, known)


def _one_or_nan(state: State) -> jax.Array:
    """Factor for the figures of an episode: 1, or nan if its final state is not finite.

    Whatever a task makes of a motion that is not finite, its figures and their gradient are then
    nan: such an episode never counts as a success. Shape () or (robots,).
    """
    axes = robot_axes(state)
    finite = [
        jnp.all(jnp.isfinite(leaf), axis=own_axes(leaf, axes)) for leaf in jax.tree.leaves(state)
    ]
    return jnp.where(jnp.all(jnp.stack(finite), axis=0), 1.0, jnp.nan)


def validation_key(seed: int) -> jax.Array:
    """Of the episodes for validation, none of which occurs in training."""
    return jax.random.fold_in(jax.random.key(seed), _VALIDATION)


def evaluation_key(seed: int) -> jax.Array:
    """Of the episodes of an evaluation, none of which occurs in training or validation."""
    return jax.random.fold_in(jax.random.key(seed), _EVALUATION)


_START, _PLACE, _PUSH, _NUMBERS = 1, 2, 3, 4
"""Keep the keys of start, pushes and numbers apart from that of the task's own draw."""

_VALIDATION, _EVALUATION = 2**31 - 1, 2**31 - 2
"""Beyond the number of any iteration, by which the keys of training are made."""
