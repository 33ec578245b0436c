"""What the YAML files of all controllers may say. The rest is in each kind's own file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from omegaconf import MISSING

from diffsim.robots.config import RobotConfig

ACTIVATIONS = ("elu", "gelu", "relu", "sigmoid", "silu", "softplus", "tanh")
"""Of ``jax.nn``."""


@dataclass
class ControllerConfig:
    """What all controllers have. A kind's own subclass has a field ``kind`` with its name."""

    has_parameters: ClassVar[bool] = True  # which can be optimised

    kind: str = MISSING

    @property
    def sees(self) -> str | None:
        """The robot's camera whose images the controller reads in the place of sensors."""
        return None

    def check(self, robot: RobotConfig) -> None:
        """Check that the robot has what the controller speaks of.

        Raises:
            ConfigError: naming the key, the value and what is allowed.
        """
