"""Policies that see: a camera's image every few time steps, and the command held in between."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.camera.camera import Camera
from diffsim.controllers.controller import Memory, Parameters, Seeing
from diffsim.experiment.config import RunConfig
from diffsim.simulate.batch import robot_axes, robots_last
from diffsim.simulate.rollout import Policy
from diffsim.world.world import Control, State, World, command_count


class SightMemory(NamedTuple):
    """Memory of a policy that sees.

    Attributes:
        memory: of its controller.
        commands: the last ones, shape (commands, ...).
    """

    memory: Memory
    commands: jax.Array


class Sight:
    """A camera and the controller that sees through it, in one world."""

    def __init__(self, config: RunConfig, controller: Seeing, world: World) -> None:
        self._world = world
        self._controller = controller
        self._camera = Camera(config.robot, config.robot.cameras[config.controller.sees])
        self._every: int = config.controller.every

    def image(self, state: State) -> jax.Array:
        """Shape (channels, height, width), and behind it an axis of robots if there are several."""
        image = self._camera.see(self._world, state)
        return robots_last(image) if robot_axes(state) else image

    def remember(self, state: State) -> SightMemory:
        """Memory of the policy at the start of an episode."""
        commands = jnp.zeros((command_count(self._world), *state.time.shape), state.time.dtype)
        return SightMemory(self._controller.remember(self.image(state)), commands)

    def policy(self, parameters: Parameters, memory: SightMemory) -> Policy:
        """Looks now and then, and holds its commands in between."""

        def look(held: SightMemory, state: State) -> SightMemory:
            return SightMemory(*self._controller.apply(parameters, held.memory, self.image(state)))

        def act(held: SightMemory, state: State) -> tuple[SightMemory, Control]:
            return held, Control(held.commands)

        return Policy(act, memory, look=look, every=self._every)


def camera_shape(config: RunConfig) -> tuple[int, int, int] | None:
    """Shape of the controller's images, (channels, height, width); None without a camera."""
    camera = config.controller.sees
    return None if camera is None else config.robot.cameras[camera].shape
