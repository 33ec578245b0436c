"""Scenarios: what is random in the episodes of a config, and how each of them begins."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.experiment.config import RunConfig
from diffsim.experiment.drawing import Urn
from diffsim.experiment.randomization import distributions, with_coordinates
from diffsim.experiment.simulation import make_world
from diffsim.experiment.variables import Variables
from diffsim.programs import depends
from diffsim.robots.build import initial_state
from diffsim.robots.config import RobotConfig
from diffsim.robots.ground import set_down
from diffsim.robots.replace import replace
from diffsim.simulate.batch import copies, for_each_key, for_each_robot, shared_by_all
from diffsim.tasks.push import draw_directions, push_count
from diffsim.tasks.start import Start, draw_places, draw_start, moved
from diffsim.tasks.task import Draw, Task
from diffsim.validation import ConfigError
from diffsim.world.world import State, World

Numbers = dict[str, jax.Array]
"""Drawn numbers of the config, by their paths."""


class Drawn(NamedTuple):
    """Draws of an episode, or of several along the last axes; None for what is not random.

    Attributes:
        task: by the task itself.
        numbers: of the config, by their paths, each of shape ().
        start: where the joints begin.
        pushes: their directions.
    """

    task: Draw
    numbers: Numbers | None
    start: Start | None
    pushes: jax.Array | None

    @property
    def robots(self) -> int | None:
        """Number of episodes, None for a single one without an axis of its own."""
        if self.start is not None:
            return self.start.place.shape[0] if self.start.place.ndim else None
        if self.pushes is not None:
            return self.pushes.shape[1] if self.pushes.ndim == 2 else None
        leaves = jax.tree.leaves((self.numbers, self.task))
        return leaves[0].shape[-1] if leaves and leaves[0].ndim else None


NOTHING = Drawn(None, None, None, None)


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


class Scenario:
    """Draws and starts of the episodes of a config.

    Attributes:
        config: of the run.
        task: of the episodes.
        known: world and start of one robot, and what of them the variables change.
        is_drawn: of which arrays of the world each robot has its own, a tree of booleans like it.
    """

    def __init__(
        self, config: RunConfig, world: World, task: Task, variables: Variables | None = None
    ) -> None:
        """The scenario of a checked config.

        Args:
            config: of the run.
            world: of its robot.
            task: of its episodes.
            variables: that change the config, None for none.
        """
        self.config = config
        self.task = task
        self._urn = Urn(distributions(config))
        self.known = self._what_is_known(world, variables)
        self.is_drawn = self._what_is_drawn(world)

    def draw(self, key: jax.Array, count: int, training: bool = False) -> Drawn:
        """Draw what is random in several episodes, along the last axes.

        Those of training begin where the task says that it is to be practised from, too.
        """
        drawn = for_each_key(self.draw_one, key, count)
        if training and drawn.start is not None:
            place = draw_places(jax.random.fold_in(key, _PLACE), self.config.task, count)
            drawn = drawn._replace(start=drawn.start._replace(place=place))
        return drawn

    def draw_one(self, key: jax.Array, training: bool = False) -> Drawn:
        """Draw what is random in one episode; see ``draw``."""
        start = None
        if self.config.task.begins_differently:
            even = draw_start(jax.random.fold_in(key, _START), self.config.robot)
            place = jnp.zeros((), jnp.int32)
            if training:
                place = draw_places(jax.random.fold_in(key, _PLACE), self.config.task, 1)[0]
            start = Start(even, place)
        directions = None
        if push_count(self.config.task):
            directions = draw_directions(jax.random.fold_in(key, _PUSH), self.config.task)
        numbers = self._urn.draw(jax.random.fold_in(key, _NUMBERS))
        return Drawn(self.task.draw(key), numbers, start, directions)

    def begin(
        self, config: RunConfig, draw: Drawn, robots: int | None = None
    ) -> tuple[World, State]:
        """World and start of one robot, or of several along the last axes.

        What no robot has of its own in the world is shared: an axis of length 1.

        Args:
            config: with the variables' numbers in it.
            draw: of the episodes.
            robots: how many, where nothing is random; else the draw says it.
        """
        config = with_coordinates(config)
        world = self.known.world
        if any(jax.tree.leaves(self.known.changes_world)):
            world = _merged(self.known.changes_world, _world(config), world)
        robots = robots if draw.robots is None else draw.robots
        numbers = draw.numbers or {}
        if robots is None:
            return self._begin_one(config, world, numbers, draw.start)
        shared = shared_by_all(world)
        if not numbers and draw.start is None:
            return shared, copies(self._start(config, world, numbers, None), robots)
        worlds, state = for_each_robot(lambda own: self._begin_one(config, world, *own))(
            (numbers, draw.start)
        )
        return _merged(self.is_drawn, worlds, shared), state

    def _begin_one(
        self, config: RunConfig, world: World, numbers: Numbers, start: Start | None
    ) -> tuple[World, State]:
        """World and start of one robot with numbers of its own."""
        if numbers:
            world = _world(replace(config, numbers))
        return world, self._start(config, world, numbers, start)

    def _start(
        self, config: RunConfig, world: World, numbers: Numbers, start: Start | None
    ) -> State:
        """Start of one robot with numbers of its own, in its world."""
        robot = replace(config, numbers).robot
        if start is not None:
            return self._initial_state(moved(robot, config.task, start), world)
        changes = self.known.changes_start
        if numbers:
            return self._initial_state(robot, world)
        if any(jax.tree.leaves(changes)):
            return _merged(changes, self._initial_state(robot, world), self.known.start)
        return self.known.start

    def own_leaves(self, world: World) -> tuple[jax.Array, ...]:
        """Those arrays of a world of which each robot has its own."""
        leaves = zip(jax.tree.leaves(world), jax.tree.leaves(self.is_drawn), strict=True)
        return tuple(leaf for leaf, is_drawn in leaves if is_drawn)

    def with_own_leaves(self, own: tuple[jax.Array, ...], robots: int | None) -> World:
        """The world with such arrays in it, of one robot or of several."""
        world = self.known.world if robots is None else shared_by_all(self.known.world)
        leaves, structure = jax.tree.flatten(world)
        rest = iter(own)
        pairs = zip(leaves, jax.tree.leaves(self.is_drawn), strict=True)
        merged = [next(rest) if is_drawn else leaf for leaf, is_drawn in pairs]
        whole: World = jax.tree.unflatten(structure, merged)
        return whole

    def _initial_state(self, robot: RobotConfig, world: World) -> State:
        state = initial_state(robot, world)
        return set_down(world, state) if self.config.task.start.on_ground else state

    def _what_is_drawn(self, world: World) -> World:
        """Find the arrays of the world that change with the numbers that are drawn."""
        numbers = self._urn.draw(jax.random.key(0))
        if numbers is None:
            nothing: World = jax.tree.map(lambda _: False, world)
            return nothing
        config = with_coordinates(self.config)
        found: World = depends(lambda numbers: _world(replace(config, numbers)), numbers)
        if str(jax.tree.structure(found)) != str(jax.tree.structure(world)):
            raise ConfigError(
                f"task.randomize must leave what a robot is made of, got {', '.join(numbers)}"
            )
        return found

    def _what_is_known(self, nominal: World, variables: Variables | None) -> Known:
        """World and start as the config has them, and what of it the variables change.

        What they do not is an array here and not made anew from the config's numbers, so that
        programs are the same for other numbers.
        """
        robot = self.config.robot
        start = self._initial_state(robot, nominal)
        nothing = jax.tree.map(lambda _: False, (nominal, start))
        paths = [variable.path for variable in self.config.variables.values()]
        changes = any(path.split(".")[0] in ("robot", "simulation") for path in paths)
        if variables is None or not changes:
            return Known(nominal, start, *nothing)

        def built(x: jax.Array) -> tuple[World, State]:
            config = variables.unpack(x).config
            world = _world(config)
            return world, self._initial_state(config.robot, world)

        return Known(nominal, start, *depends(built, jnp.asarray(variables.initial)))


def _world(config: RunConfig) -> World:
    return make_world(config.robot, config.simulation, config.solver)


def _merged(changes: Any, new: Any, known: Any) -> Any:
    """The new arrays where they change, else the known ones."""
    return jax.tree.map(lambda is_new, a, b: a if is_new else b, changes, new, known)


def validation_key(seed: int) -> jax.Array:
    """Key of the episodes for validation, none of which occurs in training."""
    return jax.random.fold_in(jax.random.key(seed), _VALIDATION)


def evaluation_key(seed: int) -> jax.Array:
    """Key of the episodes of an evaluation, none of which is of training or validation."""
    return jax.random.fold_in(jax.random.key(seed), _EVALUATION)


_START, _PLACE, _PUSH, _NUMBERS = 1, 2, 3, 4
"""Keep the keys of start, pushes and numbers apart from that of the task's own draw."""

_VALIDATION, _EVALUATION = 2**31 - 1, 2**31 - 2
"""Beyond the number of any iteration, by which the keys of training are made."""
