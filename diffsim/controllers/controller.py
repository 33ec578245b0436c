"""The contract of a controller, and its registry.

A controller is a set of pure functions. ``init`` gives the parameters and the memory at the start
of an episode; ``apply`` maps parameters, memory and sensor readings to the new memory and the
commands; ``unroll`` does that for all time steps at once, where the readings are known beforehand.
Memory is carried by the rollout along with the state.

Readings, commands and memory may have more axes behind the first, of robots or of time steps that
are treated alike.
"""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp

from diffsim.controllers.config import (
    ControllerConfig,
    ConvolutionalConfig,
    DenseConfig,
    LinearConfig,
    RecurrentConfig,
    TableConfig,
)

Parameters = Any
Memory = Any


class Controller(Protocol):
    """Maps sensor readings to commands.

    Attributes:
        reads: whether it reads sensors at all.
    """

    reads: bool

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


class NoController:
    """Commands nothing and has no parameters."""

    reads = False

    def __init__(self, commands: int) -> None:
        self.commands = commands

    def init(self, key: jax.Array) -> tuple[Parameters, Memory]:
        return {}, ()

    def apply(
        self, parameters: Parameters, memory: Memory, readings: jax.Array
    ) -> tuple[Memory, jax.Array]:
        return memory, jnp.zeros((self.commands, *readings.shape[1:]), readings.dtype)

    def unroll(self, parameters: Parameters, memory: Memory, readings: jax.Array) -> jax.Array:
        return unroll_without_memory(self, parameters, readings)


def make_controller(
    config: ControllerConfig,
    readings: int,
    commands: int,
    image: tuple[int, int, int] | None = None,
) -> Controller:
    """The controller that a config describes, for a robot with so many readings and commands.

    Of one that sees, ``image`` is the shape of what its camera gives: channels, height, width.
    """
    from diffsim.controllers.convolutional import Convolutional
    from diffsim.controllers.dense import Dense, linear
    from diffsim.controllers.recurrent import Recurrent
    from diffsim.controllers.table import Table

    match config:
        case LinearConfig():
            return linear(config, readings, commands)
        case DenseConfig():
            return Dense(config, readings, commands)
        case RecurrentConfig():
            return Recurrent(config, readings, commands)
        case TableConfig():
            return Table(config, commands)
        case ConvolutionalConfig():
            assert image is not None, "its camera is the experiment's to make"
            return Convolutional(config, image, commands)
    return NoController(commands)
