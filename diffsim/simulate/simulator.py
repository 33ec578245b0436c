"""Simulators: what a rollout needs of an engine, and the engine of this package.

A simulator has a world and makes the next state from a state and a control, for one robot or for
several side by side (``diffsim.simulate.batch``). ``diffsim.build_simulator`` makes one from a
robot, ``diffsim.init`` the state that it begins with. Another engine, a fused kernel say, is
another class with the same two members, and has to pass the same tests.
"""

from __future__ import annotations

from typing import Protocol

from diffsim.math.pytrees import pytree, static
from diffsim.simulate.step import step
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.world.world import Control, State, World


class Simulator(Protocol):
    """Anything that can take a time step. It is a pytree, whose leaves are those of the world.

    Attributes:
        world: of one robot, or shared by several.
    """

    @property
    def world(self) -> World: ...

    def step(self, state: State, control: Control) -> State:
        """The state one time step later; pure and traceable."""


@pytree
class Engine:
    """The simulator of this package: ``diffsim.simulate.step``.

    Attributes:
        world: as for every simulator.
        solver: of the complementarity problem.
    """

    world: World
    solver: ProjectedGaussSeidel = static(default=ProjectedGaussSeidel())

    def step(self, state: State, control: Control) -> State:
        """The state one time step later."""
        return step(self.world, self.solver, state, control)
