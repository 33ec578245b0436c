"""No controller: a robot left to itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from diffsim.controllers.config import ControllerConfig
from diffsim.controllers.controller import (
    Controller,
    Interface,
    Memory,
    Parameters,
    unroll_without_memory,
)
from diffsim.validation import bounded


@dataclass
class NoControllerConfig(ControllerConfig):
    """A robot left to itself."""

    has_parameters: ClassVar[bool] = False

    kind: str = bounded("none", choices=("none",))


class NoController(Controller):
    """Commands nothing and has no parameters."""

    Config = NoControllerConfig
    reads = False

    def __init__(self, config: NoControllerConfig, interface: Interface) -> None:
        self.commands = interface.commands

    def init(self, key: jax.Array) -> tuple[Parameters, Memory]:
        return {}, ()

    def apply(
        self, parameters: Parameters, memory: Memory, readings: jax.Array
    ) -> tuple[Memory, jax.Array]:
        return memory, jnp.zeros((self.commands, *readings.shape[1:]), readings.dtype)

    def unroll(self, parameters: Parameters, memory: Memory, readings: jax.Array) -> jax.Array:
        return unroll_without_memory(self, parameters, readings)
