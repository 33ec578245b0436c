"""What a controller's YAML file may say."""

from __future__ import annotations

from dataclasses import dataclass

from diffsim.validation import bounded


@dataclass
class NoControllerConfig:
    """A robot left to itself."""

    kind: str = bounded("none", choices=("none",))


@dataclass
class LinearConfig:
    """Commands are an affine function of the sensor readings, zero at the start."""

    kind: str = bounded("linear", choices=("linear",))
    bias: bool = True
