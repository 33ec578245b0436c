"""Trials: one robot, built from its configuration and driven, as pure functions of their numbers.

A world is built operation by operation and simulated as one compiled function. Compiling the
building, too, would take longer than all the rest: its graph has one operation for each number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from diffsim.checks.config import CheckConfig
from diffsim.checks.excitation import Excitation, policy
from diffsim.checks.numbers import below, collect
from diffsim.experiment.simulation import make_solver, make_world
from diffsim.robots.build import initial_state
from diffsim.robots.config import RobotConfig
from diffsim.robots.replace import replace
from diffsim.simulate.rollout import Reverse, Rollout, rollout
from diffsim.simulate.simulator import Engine
from diffsim.world.world import State, World

BATCH = 4
"""Trials that are simulated at once: two steps of central differences take four."""

SENSORS = "robot.sensors."
"""Where the numbers are that a controller reads by, not those a world is built from."""

NO_CHANGE: Mapping[str, Any] = {}

Observe = Callable[[World], Callable[[State], Any]]
"""From a world to what is kept of each of its states."""


class Trial(NamedTuple):
    """Start of a simulation; all leaves are numbers.

    Attributes:
        world, state: at the start.
        excitation: how it is driven.
        sensor_numbers: by their paths, those of the configuration that sensors read.
    """

    world: World
    state: State
    excitation: Excitation
    sensor_numbers: dict[str, Any]


class Trials:
    """Builds and simulates trials of one configuration.

    Attributes:
        config: of the check.
    """

    def __init__(self, config: CheckConfig, observe: Observe) -> None:
        self.config = config
        self._solver = make_solver(config.solver)
        self._advance = jax.jit(jax.vmap(partial(self.simulate, observe=observe)))
        self._sensor_numbers = {
            number.path: np.asarray(number.value, float)
            for number in collect(config.robot, config.simulation)
            if number.path.startswith(SENSORS)
        }

    def build(
        self, robot: RobotConfig, numbers: Mapping[str, Any] = NO_CHANGE
    ) -> tuple[World, State]:
        """World and initial state of a robot, with other numbers at some paths; traceable."""
        robot = replace(robot, below(numbers, "robot"))
        simulation = replace(self.config.simulation, below(numbers, "simulation"))
        world = make_world(robot, simulation, self.config.solver)
        return world, initial_state(robot, world)

    def trial(self, world: World, state: State, excitation: Excitation) -> Trial:
        """A trial with the sensors as they are configured."""
        return Trial(world, state, excitation, self._sensor_numbers)

    def simulate(self, trial: Trial, observe: Observe | None = None) -> Rollout:
        """Some time steps, as many as lie between what is varied and the loss; traceable."""
        settings = self.config.check
        robot = replace(self.config.robot, below(trial.sensor_numbers, "robot"))
        seen = (lambda state: None) if observe is None else observe(trial.world)
        return rollout(
            Engine(trial.world, self._solver),
            trial.state,
            policy(robot, trial.world, trial.excitation, settings),
            settings.gradient_steps,
            lambda state, _: seen(state),
            Reverse(self.config.simulation.checkpoint),
        )

    def advance(self, batch: Trial) -> tuple[Trial, Any]:
        """Simulate ``BATCH`` trials with a leading axis: as they go on, and observations."""
        result = self._advance(batch)
        return batch._replace(state=result.state), result.observations


def stack(trials: list[Trial]) -> Trial:
    """Trials of one structure with a leading axis."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trials)
