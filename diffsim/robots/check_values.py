"""Checks that any part of a robot's data may need."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from diffsim.tables import Parameter
from diffsim.validation import ConfigError

SHORTEST, LONGEST = 1e-15, 1e15
"""Of vectors that only have a direction: their squares are far from float32's limits."""


def check_reference(key: str, name: str | None, known: Iterable[str]) -> None:
    """Check that a name is one of those that are known."""
    names = [*known]
    if name not in names:
        allowed = f"one of {', '.join(names)}" if names else "null or left out, there are none"
        example = {"False": "no", "True": "yes"}.get(str(name))  # which YAML reads so
        quotes = f": quote it, as '{example}'" if example in names else ""
        raise ConfigError(f"{key} must be {allowed}, got '{name}'{quotes}")


def check_direction(key: str, vector: Sequence[Any]) -> None:
    """Check that a vector of which the direction counts has one."""
    if not is_known(vector):
        return
    if not any(vector):
        raise ConfigError(f"{key} must not be zero, got {vector}")
    if not SHORTEST <= math.hypot(*vector) <= LONGEST:
        raise ConfigError(f"{key} must have a length of {SHORTEST} to {LONGEST}, got {vector}")


def check_parameters(
    key: str, given: Mapping[str, Any], known: Mapping[str, Parameter], what: str
) -> None:
    """Check the numbers that belong to a joint type or a shape.

    Args:
        key: of the joint or geom.
        given: in the file.
        known: to the kind.
        what: it is, such as "a screw joint".
    """
    for name in given:
        if name not in known:
            allowed = f"one of {', '.join(known)}" if known else "left out"
            raise ConfigError(f"{key}.parameters must be {allowed} for {what}, got '{name}'")
    for name, parameter in known.items():
        value = given.get(name, parameter.default)
        path = f"{key}.parameters.{name}"
        if value is None:
            raise ConfigError(f"{path} must be given for {what} [{parameter.unit}]")
        if not is_known([value]):
            continue
        bounds = (("above", ">", operator.gt), ("at_least", ">=", operator.ge))
        for field, sign, fulfils in bounds:
            bound = getattr(parameter, field)
            if bound is not None and not fulfils(value, bound):
                raise ConfigError(f"{path} must be {sign} {bound:g}, got {value}")
        if parameter.nonzero and value == 0:
            raise ConfigError(f"{path} must not be 0, got {value}")


def is_known(numbers: Iterable[Any]) -> bool:
    """True if all are plain numbers; traced ones have no value that could be checked."""
    return all(isinstance(number, int | float) for number in numbers)
