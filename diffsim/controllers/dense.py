"""Nets of dense layers, of any depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from diffsim.controllers.config import ACTIVATIONS, ControllerConfig
from diffsim.controllers.controller import (
    Controller,
    Interface,
    Memory,
    Parameters,
    unroll_without_memory,
)
from diffsim.math.indexing import column
from diffsim.validation import bounded


@dataclass
class DenseConfig(ControllerConfig):
    """A net of dense layers."""

    kind: str = bounded("dense", choices=("dense",))
    hidden: list[int] = bounded([128, 128], at_least=1)  # widths of the hidden layers
    activation: str = bounded("relu", choices=ACTIVATIONS)
    bias: bool = True
    # Hidden biases start evenly within ± this / √inputs. Without them, a net of which all readings
    # go to zero, a distance for example, is left with nothing but its last bias.
    bias_scale: float = bounded(1.0, at_least=0)
    skip: bool = False  # adds a dense layer from the readings to the commands
    zero_output: bool = True  # the first policy commands nothing


Layer = dict[str, jax.Array]
"""``weights`` (outputs, inputs) and, if there is one, ``bias`` (outputs,)."""


def init_layer(
    key: jax.Array,
    inputs: int,
    outputs: int,
    bias: bool = True,
    scale: float = 1.0,
    bias_scale: float = 0.0,
) -> Layer:
    """Normally distributed weights of variance ``scale``² / inputs.

    The bias is evenly distributed within ± ``bias_scale`` / √inputs.

    Source: He et al., "Delving deep into rectifiers", 2015, for scale² = 2.
    """
    spread = 1.0 / math.sqrt(max(inputs, 1))
    layer = {"weights": scale * spread * jax.random.normal(key, (outputs, inputs))}
    if bias:
        even = jax.random.uniform(jax.random.fold_in(key, 1), (outputs,), minval=-1.0)
        layer["bias"] = bias_scale * spread * even
    return layer


def apply_layer(layer: Layer, values: jax.Array) -> jax.Array:
    """W s + b, shape (outputs, ...) of (inputs, ...)."""
    result = jnp.tensordot(layer["weights"], values, 1)
    return result + column(layer["bias"], result) if "bias" in layer else result


def init_layers(
    key: jax.Array, sizes: Sequence[int], bias: bool, zero_output: bool, bias_scale: float
) -> list[Layer]:
    """Layers of a net with so many inputs, hidden units, and outputs.

    ``bias_scale`` is that of the hidden layers; the last one starts with a bias of zero.
    """
    keys = jax.random.split(key, len(sizes) - 1)
    last = len(keys) - 1
    return [
        init_layer(
            keys[k],
            sizes[k],
            sizes[k + 1],
            bias,
            math.sqrt(2.0) if k < last else 0.0 if zero_output else 1.0,
            bias_scale if k < last else 0.0,
        )
        for k in range(len(keys))
    ]


def apply_layers(layers: Sequence[Layer], activation: str, values: jax.Array) -> jax.Array:
    """All layers, with the activation between them."""
    for layer in layers[:-1]:
        values = getattr(jax.nn, activation)(apply_layer(layer, values))
    return apply_layer(layers[-1], values)


class Dense(Controller):
    """A net of dense layers; with ``skip`` one more layer leads from the readings to the commands.

    With ``zero_output`` the layers that give the commands start at zero: the first policy is the
    zero policy (Degrave et al., section 3.2).
    """

    Config: ClassVar[type[ControllerConfig]] = DenseConfig
    reads = True

    def __init__(self, config: DenseConfig, interface: Interface) -> None:
        self.config = config
        self.sizes = (interface.readings, *config.hidden, interface.commands)

    def init(self, key: jax.Array) -> tuple[Parameters, Memory]:
        config = self.config
        keys = jax.random.split(key)
        layers = init_layers(
            keys[0], self.sizes, config.bias, config.zero_output, config.bias_scale
        )
        parameters: dict[str, Any] = {"layers": layers}
        if config.skip:
            scale = 0.0 if config.zero_output else 1.0
            parameters["skip"] = init_layer(
                keys[1], self.sizes[0], self.sizes[-1], config.bias, scale
            )
        return parameters, ()

    def apply(
        self, parameters: Parameters, memory: Memory, readings: jax.Array
    ) -> tuple[Memory, jax.Array]:
        commands = apply_layers(parameters["layers"], self.config.activation, readings)
        if self.config.skip:
            commands = commands + apply_layer(parameters["skip"], readings)
        return memory, commands

    def unroll(self, parameters: Parameters, memory: Memory, readings: jax.Array) -> jax.Array:
        return unroll_without_memory(self, parameters, readings)
