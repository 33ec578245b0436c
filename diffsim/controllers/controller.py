"""The contract of a controller.

A controller is a set of pure functions. ``init`` gives the parameters and the memory at the start
of an episode; ``apply`` maps parameters, memory and sensor readings to the new memory and the
commands; ``unroll`` does that for all time steps at once, where the readings are known beforehand.
Memory is carried by the rollout along with the state.

Readings, commands and memory may have more axes behind the first, of robots or of time steps that
are treated alike.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from diffsim.controllers.config import ControllerConfig

Parameters = Any
Memory = Any


class Interface(NamedTuple):
    """Sizes of a controller's inputs and outputs.

    Attributes:
        readings: how many numbers the sensors give.
        commands: how many numbers the robot takes.
        image: shape of what the controller's camera gives, (channels, height, width); None if the
            controller has none.
    """

    readings: int
    commands: int
    image: tuple[int, int, int] | None = None


class Controller(Protocol):
    """Maps sensor readings to commands.

    Attributes:
        Config: what its YAML file may say.
        reads: whether it reads sensors at all.
    """

    Config: ClassVar[type[ControllerConfig]]
    reads: ClassVar[bool]

    def __init__(self, config: Any, interface: Interface) -> None:
        """The controller that a ``Config`` describes."""

    def init(self, key: jax.Array) -> tuple[Parameters, Memory]:
        """Parameters (a pytree of arrays) and the memory at the start of an episode."""

    def apply(
        self, parameters: Parameters, memory: Memory, readings: jax.Array
    ) -> tuple[Memory, jax.Array]:
        """New memory and commands, shape (commands, ...), from readings (readings, ...)."""

    def unroll(self, parameters: Parameters, memory: Memory, readings: jax.Array) -> jax.Array:
        """Commands (steps, commands, ...) from the readings (steps, readings, ...) of all steps."""


def unroll_without_memory(
    controller: Controller, parameters: Parameters, readings: jax.Array
) -> jax.Array:
    """All time steps as one batch."""
    _, commands = controller.apply(parameters, (), jnp.moveaxis(readings, 0, -1))
    return jnp.moveaxis(commands, -1, 0)


def unroll_step_by_step(
    controller: Controller, parameters: Parameters, memory: Memory, readings: jax.Array
) -> jax.Array:
    """One time step after the other, with the memory that the one before has left."""
    _, commands = jax.lax.scan(
        lambda memory, now: controller.apply(parameters, memory, now), memory, readings
    )
    return commands


class Seeing(Controller, Protocol):
    """A controller whose readings are images, shape (channels, height, width, ...)."""

    def remember(self, image: jax.Array) -> Memory:
        """The memory at the start of an episode, from its first image."""
