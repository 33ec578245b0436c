"""Declaring the allowed range of a configured number beside it, and checking a whole config.

Nothing here imports JAX: a config is composed and checked before anything heavy is loaded.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

RESERVED_NAMES = ("ground", "world", "nan", "null", "none")
"""Names that mean something else, in contacts or in CSV files."""


class ConfigError(ValueError):
    """A configuration that cannot be run; the message is one line that names key and value."""


def bounded(
    default: Any = dataclasses.MISSING,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    choices: tuple[str, ...] | None = None,
    length: int | None = None,
    infinite: bool = False,
) -> Any:
    """A dataclass field with the values it allows.

    Args:
        default: the field's default; a list is copied for each instance.
        above, at_least, below, at_most: bounds of a number, or of each number of a list.
        choices: allowed strings.
        length: number of entries of a list.
        infinite: whether ±inf is allowed; nan never is.
    """
    rule = {
        "above": above,
        "at_least": at_least,
        "below": below,
        "at_most": at_most,
        "choices": choices,
        "length": length,
        "infinite": infinite,
    }
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=rule)
    return dataclasses.field(default=default, metadata=rule)


def check_identifier(name: str, key: str) -> None:
    """Check the name of a body, sensor, thruster or variable: it becomes part of keys and files.

    Raises:
        ConfigError: if it is not a letter followed by letters, digits, '_' or '-', or is reserved.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) or name.lower() in RESERVED_NAMES:
        raise ConfigError(
            f"names in {key} must be a letter, then letters, digits, '_' or '-', and none of "
            f"{', '.join(RESERVED_NAMES)}; got '{name}'"
        )


def check(config: Any, key: str = "") -> None:
    """Check every value of a tree of dataclasses, dicts and lists against its field's rule.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        path = f"{key}.{field.name}" if key else field.name
        _check_value(value, path, dict(field.metadata))


def _check_value(value: Any, path: str, rule: dict[str, Any]) -> None:
    if dataclasses.is_dataclass(value):
        check(value, path)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_value(item, f"{path}.{name}", rule)
    elif isinstance(value, list):
        if rule.get("length") is not None and len(value) != rule["length"]:
            raise ConfigError(f"{path} must have {rule['length']} numbers, got {value}")
        for index, item in enumerate(value):
            _check_value(item, f"{path}[{index}]", rule)
    elif isinstance(value, str):
        choices = rule.get("choices")
        if choices and value not in choices:
            raise ConfigError(f"{path} must be one of {', '.join(choices)}, got '{value}'")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _check_number(value, path, rule)


def _check_number(value: float, path: str, rule: dict[str, Any]) -> None:
    if math.isnan(value) or (math.isinf(value) and not rule.get("infinite")):
        raise ConfigError(f"{path} must be a finite number, got {value}")
    if (bound := rule.get("above")) is not None and not value > bound:
        raise ConfigError(f"{path} must be > {bound:g}, got {value}")
    if (bound := rule.get("at_least")) is not None and not value >= bound:
        raise ConfigError(f"{path} must be >= {bound:g}, got {value}")
    if (bound := rule.get("below")) is not None and not value < bound:
        raise ConfigError(f"{path} must be < {bound:g}, got {value}")
    if (bound := rule.get("at_most")) is not None and not value <= bound:
        raise ConfigError(f"{path} must be <= {bound:g}, got {value}")
