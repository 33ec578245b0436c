"""Nets that see: the images of a camera, now and before, lead to the commands.

Degrave et al. (2019), section 3.4: no other sensor, and no memory but the past images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from omegaconf import MISSING

from diffsim.controllers.config import ACTIVATIONS, ControllerConfig
from diffsim.controllers.controller import (
    Interface,
    Memory,
    Parameters,
    Seeing,
    unroll_step_by_step,
)
from diffsim.controllers.dense import apply_layer, init_layer, init_layers
from diffsim.robots.check_values import check_reference
from diffsim.robots.config import RobotConfig
from diffsim.validation import ConfigError, bounded


@dataclass
class ConvolutionalConfig(ControllerConfig):
    """A net that sees the images of a camera, and nothing else."""

    needs_camera = True

    kind: str = bounded("convolutional", choices=("convolutional",))
    camera: str = MISSING  # one of the robot's
    every: int = bounded(1, at_least=1)  # time steps between images; commands are held meanwhile
    frames: int = bounded(3, at_least=1)  # the present image and past ones
    contrast: float = bounded(1.0, above=0)  # by which changes between images are multiplied
    channels: list[int] = bounded([32, 64], at_least=1)  # of each convolutional layer
    kernels: list[int] = bounded([8, 2], at_least=1)  # edges of what a place sees [pixels]
    strides: list[int] = bounded([8, 2], at_least=1)  # from place to place [pixels]
    hidden: list[int] = bounded([150, 96], at_least=1)  # dense layers after them
    activation: str = bounded("relu", choices=ACTIVATIONS)
    zero_output: bool = True  # the first policy commands nothing

    @property
    def sees(self) -> str:
        """The robot's camera."""
        return self.camera

    def check(self, robot: RobotConfig) -> None:
        """Check that there is a camera, and that its image is large enough for all layers."""
        check_reference("controller.camera", self.camera, robot.cameras)
        layers = len(self.channels)
        for name in ("kernels", "strides"):
            values = getattr(self, name)
            if len(values) != layers:
                raise ConfigError(
                    f"controller.{name} must have {layers} numbers, as controller.channels has, "
                    f"got {values}"
                )
        width, height = robot.cameras[self.camera].resolution
        for kernel, stride in zip(self.kernels, self.strides, strict=True):
            if kernel > min(width, height):
                raise ConfigError(
                    f"controller.kernels must fit into what the layer before gives ({width} x "
                    f"{height} here), got {self.kernels}"
                )
            width, height = (convolved(edge, kernel, stride) for edge in (width, height))


def convolved(edge: int, kernel: int, stride: int) -> int:
    """Places of a convolution along an edge of its input [pixels]."""
    return (edge - kernel) // stride + 1


class Convolutional(Seeing):
    """Strided convolutional layers, then dense ones.

    What goes in is the present image and, of each past one, the difference that has been made since
    the one after it: motion, which is a hundred times fainter than what is seen, is not left to the
    first layer to find.

    The memory is the past images, newest first, shape (frames - 1, channels, height, width, ...).
    """

    Config = ConvolutionalConfig
    reads = True

    def __init__(self, config: ConvolutionalConfig, interface: Interface) -> None:
        assert interface.image is not None
        self.config = config
        self.image = interface.image
        channels, height, width = self.image
        self._inputs = [config.frames * channels, *config.channels]
        for kernel, stride in zip(config.kernels, config.strides, strict=True):
            height, width = (convolved(edge, kernel, stride) for edge in (height, width))
        self.sizes = (height * width * self._inputs[-1], *config.hidden, interface.commands)

    def init(self, key: jax.Array) -> tuple[Parameters, Memory]:
        config = self.config
        first, second = jax.random.split(key)
        keys = jax.random.split(first, len(config.channels))
        filters = [
            init_layer(
                keys[k], kernel**2 * self._inputs[k], outputs, True, math.sqrt(2.0), bias_scale=1.0
            )
            for k, (kernel, outputs) in enumerate(zip(config.kernels, config.channels, strict=True))
        ]
        layers = init_layers(second, self.sizes, True, config.zero_output, bias_scale=1.0)
        past = jnp.zeros((config.frames - 1, *self.image))
        return {"filters": filters, "layers": layers}, past

    def remember(self, image: jax.Array) -> Memory:
        """The memory at the start of an episode: as if nothing had moved before."""
        return jnp.broadcast_to(image, (self.config.frames - 1, *image.shape))

    def apply(
        self, parameters: Parameters, memory: Memory, readings: jax.Array
    ) -> tuple[Memory, jax.Array]:
        """New memory and commands from an image (channels, height, width, ...)."""
        seen = jnp.concatenate([readings[None], memory])
        changes = self.config.contrast * (seen[:-1] - seen[1:])
        values = jnp.concatenate([seen[:1] - 0.5, changes])
        values = values.reshape(-1, *values.shape[2:])
        activation = getattr(jax.nn, self.config.activation)
        for layer, kernel, stride in zip(
            parameters["filters"], self.config.kernels, self.config.strides, strict=True
        ):
            values = activation(apply_layer(layer, patches(values, kernel, stride)))
        values = values.reshape(-1, *values.shape[3:])
        *hidden, last = parameters["layers"]
        for layer in hidden:
            values = activation(standardized(apply_layer(layer, values)))
        return seen[:-1], apply_layer(last, values)

    def unroll(self, parameters: Parameters, memory: Memory, readings: jax.Array) -> jax.Array:
        return unroll_step_by_step(self, parameters, memory, readings)


def standardized(values: jax.Array) -> jax.Array:
    """Standardise to mean 0 and variance 1 over the first axis (Ba et al., 2016).

    What moves is a few pixels of an image: without this, all that comes of it is faint.
    """
    away = values - jnp.mean(values, axis=0)
    return away * jax.lax.rsqrt(jnp.mean(away**2, axis=0) + 1e-6)


def patches(values: jax.Array, kernel: int, stride: int) -> jax.Array:
    """All that each place of a convolution sees, shape (kernel² channels, rows, columns, ...).

    A convolution is a product with these. It is spelt out because XLA's own is many times slower on
    a CPU within a loop over time. Where patches do not overlap nothing is copied twice.

    Args:
        values: shape (channels, height, width, ...).
    """
    channels, height, width = values.shape[:3]
    rows, columns = (convolved(edge, kernel, stride) for edge in (height, width))
    rest = values.shape[3:]
    if kernel == stride:
        cut = values[:, : rows * kernel, : columns * kernel]
        cut = cut.reshape(channels, rows, kernel, columns, kernel, *rest)
        cut = jnp.moveaxis(cut, (2, 4), (1, 2))
        return cut.reshape(channels * kernel**2, rows, columns, *rest)
    shifted = [
        values[
            :, i : i + stride * (rows - 1) + 1 : stride, j : j + stride * (columns - 1) + 1 : stride
        ]
        for i in range(kernel)
        for j in range(kernel)
    ]
    return jnp.stack(shifted, axis=1).reshape(channels * kernel**2, rows, columns, *rest)
