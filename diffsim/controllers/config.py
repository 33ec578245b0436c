"""Settings that all controllers share; those of a kind are in its own file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from omegaconf import MISSING

from diffsim.robots.config import RobotConfig
from diffsim.validation import Frozen

ACTIVATIONS = ("elu", "gelu", "relu", "sigmoid", "silu", "softplus", "tanh")
"""Names of activation functions in ``jax.nn``."""


@dataclass
class ControllerConfig(Frozen):
    """Base of all controllers' configs. A kind's own has a field ``kind`` with the kind's name."""

    has_parameters: ClassVar[bool] = True  # which can be optimised
    needs_camera: ClassVar[bool] = False  # of the robot, whose images it reads

    kind: str = MISSING

    @property
    def sees(self) -> str | None:
        """The robot's camera whose images the controller reads in the place of sensors."""
        return None

    @property
    def every(self) -> int:
        """Time steps between images; commands are held meanwhile."""
        return 1

    def check(self, robot: RobotConfig) -> None:
        """Check that the robot has what the controller speaks of.

        Raises:
            ConfigError: naming the key, the value and what is allowed.
        """
