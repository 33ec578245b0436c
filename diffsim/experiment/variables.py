"""The named set of what is optimised, as one flat vector in scaled units."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from diffsim.experiment.check import variable_bounds
from diffsim.experiment.config import RunConfig
from diffsim.experiment.paths import is_list, read_numbers
from diffsim.robots.replace import replace


class Values(NamedTuple):
    """Config and parameters that the optimised vector stands for.

    Attributes:
        config: the experiment's config with the optimised numbers in it (arrays or tracers).
        parameters: of the controller.
    """

    config: RunConfig
    parameters: Any


@dataclasses.dataclass(frozen=True)
class _Segment:
    """The place of one variable in the vector."""

    name: str
    path: str
    several: bool
    start: int
    stop: int
    scale: np.ndarray


class Variables:
    """Packs the optimised numbers into a vector x = value / scale, and unpacks them.

    Attributes:
        initial: x at the start, shape (variables,).
        lower, upper: bounds of x, infinite where there are none, shape (variables,).
    """

    def __init__(self, config: RunConfig, parameters: Any) -> None:
        self._config = config
        flat_parameters, self._unravel = ravel_pytree(parameters)
        self._parameters = parameters
        dtype = jnp.result_type(float)
        self._segments: list[_Segment] = []
        initial: list[np.ndarray] = []
        lower: list[np.ndarray] = []
        upper: list[np.ndarray] = []
        start = 0
        for name, variable in config.variables.items():
            value = (
                flat_parameters
                if variable.path == "controller"
                else read_numbers(config, variable.path)
            )
            numbers = np.asarray(value, dtype)
            scale = np.broadcast_to(np.asarray(variable.scale, dtype), numbers.shape)
            x = numbers / scale
            several = variable.path == "controller" or is_list(config, variable.path)
            segment = _Segment(name, variable.path, several, start, start + x.size, scale)
            self._segments.append(segment)
            start = segment.stop
            initial.append(x)
            lowest, highest = variable_bounds(config, variable)
            lower.append(lowest / scale)
            upper.append(highest / scale)
        self.initial = np.concatenate(initial).astype(dtype)
        self.lower = np.concatenate(lower).astype(dtype)
        self.upper = np.concatenate(upper).astype(dtype)

    def unpack(self, x: jax.Array) -> Values:
        """The config and the controller's parameters that x stands for; traceable."""
        config, parameters = self._config, self._parameters
        for segment in self._segments:
            value = x[segment.start : segment.stop] * segment.scale
            if segment.path == "controller":
                parameters = self._unravel(value)
            else:
                config = replace(config, {segment.path: value if segment.several else value[0]})
        return Values(config, parameters)

    def named(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The values by the variables' names, unscaled."""
        return {s.name: np.asarray(x)[s.start : s.stop] * s.scale for s in self._segments}
