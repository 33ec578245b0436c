"""A controller: linear, with commands that are bounded, smoothly."""

from __future__ import annotations

from dataclasses import dataclass

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
from diffsim.controllers.table import CONTROLLERS
from diffsim.math.indexing import column
from diffsim.validation import bounded


@dataclass
class BoundedLinearConfig(ControllerConfig):
    """Commands are the hyperbolic tangent of an affine function of the readings."""

    kind: str = bounded("bounded_linear", choices=("bounded_linear",))
    limit: float = bounded(1.0, above=0)  # of every command, in its own unit


class BoundedLinear(Controller):
    """u = limit · tanh(W s + b), zero at the start."""

    Config = BoundedLinearConfig
    reads = True

    def __init__(self, config: BoundedLinearConfig, interface: Interface) -> None:
        self.limit = config.limit
        self.shape = (interface.commands, interface.readings)

    def init(self, key: jax.Array) -> tuple[Parameters, Memory]:
        return {"weights": jnp.zeros(self.shape), "bias": jnp.zeros(self.shape[0])}, ()

    def apply(
        self, parameters: Parameters, memory: Memory, readings: jax.Array
    ) -> tuple[Memory, jax.Array]:
        sums = jnp.tensordot(parameters["weights"], readings, 1)
        return memory, self.limit * jnp.tanh(sums + column(parameters["bias"], sums))

    def unroll(self, parameters: Parameters, memory: Memory, readings: jax.Array) -> jax.Array:
        return unroll_without_memory(self, parameters, readings)


CONTROLLERS.add("bounded_linear", BoundedLinear)
