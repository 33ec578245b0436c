"""Nets with a memory: h_t = h(h_t−1, s_t), u_t = g(h_t, s_t), h_0 = 0 (Degrave et al., eq. 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox
import jax
import jax.numpy as jnp

from diffsim.controllers.config import ACTIVATIONS, ControllerConfig
from diffsim.controllers.controller import (
    Controller,
    Interface,
    Memory,
    Parameters,
    unroll_step_by_step,
)
from diffsim.controllers.dense import apply_layer, apply_layers, init_layer, init_layers
from diffsim.simulate.batch import for_each_robot
from diffsim.validation import bounded

CELLS = ("simple", "gru", "lstm")


@dataclass
class RecurrentConfig(ControllerConfig):
    """A net with a memory, which is zero at the start of an episode."""

    kind: str = bounded("recurrent", choices=("recurrent",))
    cell: str = bounded("gru", choices=CELLS)
    memory: int = bounded(64, at_least=1)  # numbers remembered (by an lstm, twice as many)
    hidden: list[int] = bounded([], at_least=1)  # layers between memory and commands
    activation: str = bounded("tanh", choices=ACTIVATIONS)  # of the simple cell and the layers
    zero_output: bool = True  # the first policy commands nothing


class Recurrent(Controller):
    """A recurrent cell; memory and readings lead to the commands through dense layers.

    The cells: ``simple`` is h_t = σ(W [h_t−1, s_t] + b) with the config's activation; ``gru`` and
    ``lstm`` are those of equinox.

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014;
    Hochreiter and Schmidhuber, "Long short-term memory", 1997.
    """

    Config = RecurrentConfig
    reads = True

    def __init__(self, config: RecurrentConfig, interface: Interface) -> None:
        self.config = config
        self.readings = interface.readings
        self.sizes = (config.memory + self.readings, *config.hidden, interface.commands)

    def init(self, key: jax.Array) -> tuple[Parameters, Memory]:
        config = self.config
        cell_key, layers_key = jax.random.split(key)
        cell: Any
        match config.cell:
            case "gru":
                cell = equinox.nn.GRUCell(self.readings, config.memory, key=cell_key)
            case "lstm":
                cell = equinox.nn.LSTMCell(self.readings, config.memory, key=cell_key)
            case _:
                cell = init_layer(cell_key, config.memory + self.readings, config.memory)
        zero = jnp.zeros(config.memory)
        # Hidden biases are spread as those of equinox are.
        layers = init_layers(layers_key, self.sizes, True, config.zero_output, bias_scale=1.0)
        memory = (zero, zero) if config.cell == "lstm" else (zero,)
        return {"cell": cell, "layers": layers}, memory

    def apply(
        self, parameters: Parameters, memory: Memory, readings: jax.Array
    ) -> tuple[Memory, jax.Array]:
        memory = self._remember(parameters["cell"], memory, readings)
        heard = jnp.concatenate([memory[0], readings])
        return memory, apply_layers(parameters["layers"], self.config.activation, heard)

    def unroll(self, parameters: Parameters, memory: Memory, readings: jax.Array) -> jax.Array:
        return unroll_step_by_step(self, parameters, memory, readings)

    def _remember(self, cell: Any, memory: Memory, readings: jax.Array) -> Memory:
        if self.config.cell == "simple":
            known = jnp.concatenate([memory[0], readings])
            return (getattr(jax.nn, self.config.activation)(apply_layer(cell, known)),)
        if self.config.cell == "gru":

            def step(readings: jax.Array, memory: Memory) -> Memory:
                return (cell(readings, memory[0]),)
        else:

            def step(readings: jax.Array, memory: Memory) -> Memory:
                return cell(readings, memory)

        # equinox's cells take single vectors; ours may have more axes behind.
        for _ in range(readings.ndim - 1):
            step = for_each_robot(step)
        return step(readings, memory)
