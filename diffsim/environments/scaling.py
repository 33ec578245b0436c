"""Actions between -1 and 1, as learners of other libraries like them."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from diffsim.math.indexing import column
from diffsim.robots.actuators import finite_ranges
from diffsim.robots.config import RobotConfig


class ActionScale:
    """Commands from actions between -1 and 1, which mean the ends of each command's range."""

    def __init__(self, robot: RobotConfig) -> None:
        """The scale of a checked robot.

        Raises:
            ConfigError: for a command that nothing bounds.
        """
        ranges = finite_ranges(robot)
        self._middle = [(high + low) / 2.0 for low, high in ranges]
        self._half = [(high - low) / 2.0 for low, high in ranges]

    def command(self, action: jax.Array) -> jax.Array:
        """Commands, shape (commands,), of actions of the same shape."""
        action = jnp.clip(action, -1.0, 1.0)
        return column(self._middle, action) + column(self._half, action) * action
