"""What a controller's YAML file may say."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import MISSING

from diffsim.validation import bounded

ACTIVATIONS = ("elu", "gelu", "relu", "sigmoid", "silu", "softplus", "tanh")
"""Of ``jax.nn``."""

CELLS = ("simple", "gru", "lstm")


@dataclass
class NoControllerConfig:
    """A robot left to itself."""

    kind: str = bounded("none", choices=("none",))


@dataclass
class LinearConfig:
    """Commands are an affine function of the sensor readings, zero at the start."""

    kind: str = bounded("linear", choices=("linear",))
    bias: bool = True


@dataclass
class DenseConfig:
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


@dataclass
class RecurrentConfig:
    """A net with a memory, which is zero at the start of an episode."""

    kind: str = bounded("recurrent", choices=("recurrent",))
    cell: str = bounded("gru", choices=CELLS)
    memory: int = bounded(64, at_least=1)  # numbers remembered (by an lstm, twice as many)
    hidden: list[int] = bounded([], at_least=1)  # layers between memory and commands
    activation: str = bounded("tanh", choices=ACTIVATIONS)  # of the simple cell and the layers
    zero_output: bool = True  # the first policy commands nothing


@dataclass
class TableConfig:
    """Commands over time, whatever the sensors say; zero at the start."""

    kind: str = bounded("table", choices=("table",))
    rows: int = bounded(50, at_least=1)  # that share the episode evenly
    interpolate: bool = True  # between rows; else each is held until the next


@dataclass
class ConvolutionalConfig:
    """A net that sees the images of a camera, and nothing else."""

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


def convolved(edge: int, kernel: int, stride: int) -> int:
    """Places of a convolution along an edge of its input [pixels]."""
    return (edge - kernel) // stride + 1


ControllerConfig = (
    NoControllerConfig
    | LinearConfig
    | DenseConfig
    | RecurrentConfig
    | TableConfig
    | ConvolutionalConfig
)
