"""A linear controller: a net of dense layers, none of them hidden."""

from __future__ import annotations

from dataclasses import dataclass

from diffsim.controllers.config import ControllerConfig
from diffsim.controllers.controller import Interface
from diffsim.controllers.dense import Dense, DenseConfig
from diffsim.validation import bounded


@dataclass
class LinearConfig(ControllerConfig):
    """Commands are an affine function of the sensor readings, zero at the start."""

    kind: str = bounded("linear", choices=("linear",))
    bias: bool = True


class Linear(Dense):
    """u = W s + b, zero at the start."""

    Config = LinearConfig

    def __init__(self, config: LinearConfig, interface: Interface) -> None:
        super().__init__(DenseConfig(hidden=[], bias=config.bias), interface)
