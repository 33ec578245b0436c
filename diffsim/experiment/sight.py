"""Policies that see: a camera's image every few time steps, and the command held in between."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from diffsim.camera.camera import Camera
from diffsim.controllers.controller import Memory, Parameters, Seeing
from diffsim.experiment.config import RunConfig
from diffsim.simulate.batch import robot_axes, robots_last
from diffsim.simulate.rollout import Policy, sample_and_hold
from diffsim.world.world import State, World, command_count


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

    def policy(self, parameters: Parameters, state: State) -> Policy:
        """Policy of an episode from its start on: it holds its commands from image to image."""

        def control(memory: Memory, state: State) -> tuple[Memory, jax.Array]:
            return self._controller.apply(parameters, memory, self.image(state))

        commands = jnp.zeros((command_count(self._world), *state.time.shape), state.time.dtype)
        memory = self._controller.remember(self.image(state))
        return sample_and_hold(control, memory, commands, self._every)


def camera_shape(config: RunConfig) -> tuple[int, int, int] | None:
    """Shape of the controller's images, (channels, height, width); None without a camera."""
    camera = config.controller.sees
    return None if camera is None else config.robot.cameras[camera].shape
