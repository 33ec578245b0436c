"""The contract of a controller, and its registry.

A controller is a pair of pure functions. ``init`` gives the parameters and the memory at the start
of an episode; ``apply`` maps parameters, memory and sensor readings to the new memory and the
commands. Memory is carried by the rollout along with the state.
"""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp

from diffsim.controllers.config import LinearConfig, NoControllerConfig

Parameters = Any
Memory = Any


class Controller(Protocol):
    """Maps sensor readings to commands."""

    def init(self, key: jax.Array) -> tuple[Parameters, Memory]:
        """Parameters (a pytree of arrays) and the memory at the start of an episode."""

    def apply(
        self, parameters: Parameters, memory: Memory, readings: jax.Array
    ) -> tuple[Memory, jax.Array]:
        """New memory and commands, shape (commands,)."""


class NoController:
    """Commands nothing and has no parameters."""

    def __init__(self, config: NoControllerConfig, readings: int, commands: int) -> None:
        self.commands = commands

    def init(self, key: jax.Array) -> tuple[Parameters, Memory]:
        return {}, ()

    def apply(
        self, parameters: Parameters, memory: Memory, readings: jax.Array
    ) -> tuple[Memory, jax.Array]:
        return memory, jnp.zeros(self.commands, readings.dtype)


class Linear:
    """u = W s + b. Starts at zero: the first policy does nothing (Degrave et al., section 3.2)."""

    def __init__(self, config: LinearConfig, readings: int, commands: int) -> None:
        self.config = config
        self.shape = (commands, readings)

    def init(self, key: jax.Array) -> tuple[Parameters, Memory]:
        parameters = {"weights": jnp.zeros(self.shape)}
        if self.config.bias:
            parameters["bias"] = jnp.zeros(self.shape[0])
        return parameters, ()

    def apply(
        self, parameters: Parameters, memory: Memory, readings: jax.Array
    ) -> tuple[Memory, jax.Array]:
        commands = parameters["weights"] @ readings
        if self.config.bias:
            commands = commands + parameters["bias"]
        return memory, commands


def make_controller(
    config: NoControllerConfig | LinearConfig, readings: int, commands: int
) -> Controller:
    """The controller that a config describes, for a robot with so many readings and commands."""
    if isinstance(config, LinearConfig):
        return Linear(config, readings, commands)
    return NoController(config, readings, commands)
