"""Controllers and optimisers from their configs, as a run makes them."""

from __future__ import annotations

from typing import Any

from diffsim.controllers.controller import Controller, Interface
from diffsim.controllers.table import CONTROLLERS
from diffsim.optimizers.optimizer import Optimizer
from diffsim.optimizers.table import OPTIMIZERS


def make_controller(
    config: Any, readings: int, commands: int, image: tuple[int, int, int] | None = None
) -> Controller:
    """The controller of a config, for so many readings and commands."""
    return CONTROLLERS[config.kind](config, Interface(readings, commands, image))


def make_optimizer(config: Any, problem: Any, seed: int) -> Optimizer:
    """The optimiser of a config, for a problem."""
    return OPTIMIZERS[config.kind](config, problem, seed)
