"""Numbers of a config by their paths, such as "robot.bodies.ball.velocity" or "….velocity.0"."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from diffsim.experiment.config import RunConfig
from diffsim.validation import ConfigError


def read_numbers(config: RunConfig, path: str, key: str = "path") -> list[float]:
    """The number or numbers at a path, "robot.bodies.ball.velocity" or "….velocity.0".

    Raises:
        ConfigError: if there is none.
    """
    value = follow(config, path, key)[0]
    numbers = value if isinstance(value, list) else [value]
    if not numbers or any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
        raise ConfigError(f"{key} must lead to a number or a list of numbers, '{path}' is {value}")
    return numbers


def is_list(config: RunConfig, path: str) -> bool:
    """True if a path leads to a list of numbers and not to a single one."""
    return isinstance(follow(config, path, "path")[0], list)


def follow(config: RunConfig, path: str, key: str) -> tuple[Any, Mapping[str, Any]]:
    """The value at a path, and the rule of the field that holds it."""
    parts = path.split(".")
    if parts[0] not in ("robot", "simulation"):
        raise ConfigError(
            f"{key} must be 'controller' or begin with 'robot.' or 'simulation.', got '{path}'"
        )
    value: Any = config
    rule: Mapping[str, Any] = {}
    for depth, part in enumerate(parts):
        if isinstance(value, dict):
            children: dict[str, Any] = value
        elif isinstance(value, list):
            children = {str(index): item for index, item in enumerate(value)}
        elif dataclasses.is_dataclass(value):
            children = vars(value)
            rule = {f.name: f.metadata for f in dataclasses.fields(value)}.get(part, {})
        else:
            children = {}
        if part not in children:
            where = ".".join(parts[:depth])
            raise ConfigError(
                f"{key} '{path}': {where} has no '{part}', only {', '.join(children) or 'a value'}"
            )
        value = children[part]
    return value, rule


def overlap(path: str, other: str) -> bool:
    """Return whether two paths are the same, or one leads to a part of the other."""
    return f"{path}.".startswith(f"{other}.") or f"{other}.".startswith(f"{path}.")
