"""Commands as a table over time: open-loop control, the plainest thing that can be optimised."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from diffsim.controllers.config import ControllerConfig
from diffsim.controllers.controller import Controller, Interface, Memory, Parameters
from diffsim.validation import bounded


@dataclass
class CommandTableConfig(ControllerConfig):
    """Commands over time, whatever the sensors say; zero at the start."""

    kind: str = bounded("table", choices=("table",))
    rows: int = bounded(50, at_least=1)  # that share the episode evenly
    interpolate: bool = True  # between rows; else each is held until the next


class CommandTable(Controller):
    """Rows of commands that share the episode evenly, held or interpolated linearly.

    It reads nothing and has to know how long an episode is: ``apply`` cannot be used.
    """

    Config = CommandTableConfig
    reads = False

    def __init__(self, config: CommandTableConfig, interface: Interface) -> None:
        self.config = config
        self.shape = (config.rows, interface.commands)

    def init(self, key: jax.Array) -> tuple[Parameters, Memory]:
        return {"rows": jnp.zeros(self.shape)}, ()

    def apply(
        self, parameters: Parameters, memory: Memory, readings: jax.Array
    ) -> tuple[Memory, jax.Array]:
        raise NotImplementedError("a table of commands is unrolled over a whole episode")

    def unroll(self, parameters: Parameters, memory: Memory, readings: jax.Array) -> jax.Array:
        steps = readings.shape[0]
        commands = _weights(steps, self.shape[0], self.config.interpolate) @ parameters["rows"]
        commands = commands.reshape(steps, self.shape[1], *(1,) * (readings.ndim - 2))
        return jnp.broadcast_to(commands, (steps, self.shape[1], *readings.shape[2:]))


def _weights(steps: int, rows: int, interpolate: bool) -> jax.Array:
    """Weight of each row at each step, shape (steps, rows)."""
    place = jnp.arange(steps) * (rows / steps)
    if interpolate:
        # The middle of a row's share of the episode is where the row holds.
        middle = jnp.clip(place + 0.5 / steps * rows - 0.5, 0.0, rows - 1.0)
        return jnp.maximum(1.0 - jnp.abs(middle[:, None] - jnp.arange(rows)), 0.0)
    return jax.nn.one_hot(jnp.arange(steps) * rows // steps, rows)
