"""Other numbers in a config: one walker for variables, checks and Python."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from diffsim.validation import ConfigError

T = TypeVar("T")


def replace(config: T, values: Mapping[str, Any]) -> T:
    """A copy of a config with other values at some keys; the original stays as it is.

    Args:
        config: a robot, say, or any tree of dataclasses, mappings and lists.
        values: by keys as on the command line, but below the config: "bodies.ball.velocity", or
            "bodies.ball.velocity.0" for one number of a list. They may be traced.

    Raises:
        ConfigError: naming the key that does not exist, and what does in its place.
    """
    for key, value in values.items():
        config = _replace(config, key.split("."), value, key)
    return config


def _replace(node: Any, path: list[str], value: Any, key: str) -> Any:
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(node, list):
        known = [str(index) for index in range(len(node))]
    elif isinstance(node, dict):
        known = [*node]
    elif dataclasses.is_dataclass(node) and not isinstance(node, type):
        known = [field.name for field in dataclasses.fields(node)]
    else:
        raise ConfigError(f"{key} must end before '{first}', got nothing to go into ({node!r})")
    if first not in known:
        raise ConfigError(f"{key} must exist, got '{first}' out of {', '.join(known) or 'nothing'}")
    if isinstance(node, list):
        place = int(first)
        return [*node[:place], _replace(node[place], rest, value, key), *node[place + 1 :]]
    if isinstance(node, dict):
        return {**node, first: _replace(node[first], rest, value, key)}
    return dataclasses.replace(
        node,
        **{first: _replace(getattr(node, first), rest, value, key)},
    )
