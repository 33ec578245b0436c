"""Declaring the allowed range of a configured number beside it, and checking a whole config.

Nothing here imports JAX: a config is composed and checked before anything heavy is loaded.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import types
import typing
from typing import Any, cast

from omegaconf import MISSING

RESERVED_NAMES = ("ground", "world", "nan", "null", "none")
"""Names that mean something else, in contacts or in CSV files."""


class ConfigError(ValueError):
    """A configuration that cannot be run; the message is one line that names key and value."""


class Frozen:
    """Base class of configs: a field is set once, when the config is made.

    Lists and mappings in it are not to be changed either, which nothing keeps one from. Python's
    own ``dataclass(frozen=True)`` would have OmegaConf refuse every override.

    Raises:
        FrozenInstanceError: where a field is set anew or deleted.
        AttributeError: where there is no such field.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        self._refuse(name)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        self._refuse(name)
        super().__delattr__(name)

    def _refuse(self, name: str) -> None:
        if name not in cast(Any, self).__dataclass_fields__:
            raise AttributeError(f"{type(self).__name__} has no field {name}")
        if name in self.__dict__:
            raise dataclasses.FrozenInstanceError(
                f"{name} of a {type(self).__name__} stays as it is: "
                f"diffsim.replace(config, {{'{name}': ...}}) gives another config"
            )


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
    """Check the name of a body, joint, sensor or the like: it becomes part of keys and files.

    Raises:
        ConfigError: if it is not a letter followed by letters, digits, '_' or '-', or is reserved.
    """
    if not isinstance(name, str):
        raise ConfigError(no_name(repr(name), key))
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) or name.lower() in RESERVED_NAMES:
        raise ConfigError(
            f"names in {key} must be a letter, then letters, digits, '_' or '-', and none of "
            f"{', '.join(RESERVED_NAMES)}; got '{name}'"
        )


def no_name(value: str, key: str) -> str:
    """The message about a name that is no text, as YAML reads ``no``, ``1`` and ``null``.

    Args:
        value: as Python writes it.
        key: of the mapping that it stands in.
    """
    example = {"False": "no", "True": "yes", "None": "n"}.get(value, f"n{value}")
    texts = "texts" if value in ("False", "True") else "texts that begin with a letter"
    return f"names in {key} must be {texts}, got {value}: quote it, as '{example}'"


_NAMES = re.compile(
    r"Key (?P<value>\S+) \((?:bool|int|float)\) is incompatible with \(str\)"
    r"|Incompatible key type '(?P<none>None)Type'"
)
_TEXT = re.compile(r"Value (False|True) \(bool\) is incompatible with type hint 'str'")


def explain_yaml(message: str, key: str) -> str | None:
    """The message about a text that YAML reads as something else, made from OmegaConf's own.

    Args:
        message: OmegaConf's.
        key: at which it was, that of the name included unless it was null.

    Returns:
        None if OmegaConf's message is about something else.
    """
    if found := _NAMES.search(message):
        if found["none"]:
            return no_name("None", key)
        # A number's point is no border between keys.
        return no_name(found["value"], key.removesuffix(found["value"]).removesuffix("."))
    if found := _TEXT.search(message):
        example = {"False": "no", "True": "yes"}[found[1]]
        return f"{key} must be a text, got {found[1]}: quote it, as '{example}'"
    return None


def check(config: Any, key: str = "") -> None:
    """Check every value of a tree of dataclasses, dicts and lists: its field's type and rule.

    Arrays pass, traced or not, wherever a number or a list may stand.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    expected = _types_of_fields(config.__class__)
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        path = f"{key}.{field.name}" if key else field.name
        _check_type(value, path, expected[field.name])
        _check_value(value, path, dict(field.metadata))


@functools.cache
def _types_of_fields(schema: type) -> dict[str, Any]:
    return typing.get_type_hints(schema)


def _check_type(value: Any, path: str, expected: Any) -> None:
    """OmegaConf converts what a file says, but not what an interpolation or Python puts there."""
    if not _is_plain(value) or expected is Any:
        return
    if typing.get_origin(expected) in (typing.Union, types.UnionType):
        options = typing.get_args(expected)
        if value is None and types.NoneType in options:
            return
        expected = next(option for option in options if option is not types.NoneType)
    kind = typing.get_origin(expected) or expected
    allowed = (int, float) if kind is float else (kind,)
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        if isinstance(value, str) and value == MISSING:
            raise ConfigError(f"{path} must be given, it has no default")
        raise ConfigError(f"{path} must be {_describe_type(kind)}, got {describe_value(value)}")
    arguments = typing.get_args(expected)
    if isinstance(value, list) and arguments:
        for index, item in enumerate(value):
            _check_type(item, f"{path}[{index}]", arguments[0])
    elif isinstance(value, dict) and arguments:
        for name, item in value.items():
            _check_type(item, f"{path}.{name}", arguments[1])


def _describe_type(kind: type) -> str:
    words: dict[type, str] = {
        float: "a number",
        int: "a whole number",
        bool: "true or false",
        str: "a text",
        list: "a list",
        dict: "a mapping",
    }
    if kind in words:
        return words[kind]
    return f"a mapping with {', '.join(field.name for field in dataclasses.fields(kind))}"


def describe_value(value: Any) -> str:
    """Value for an error message, of a dataclass the names of its fields."""
    return f"one with {', '.join(vars(value))}" if dataclasses.is_dataclass(value) else repr(value)


def _is_plain(value: Any) -> bool:
    """Return whether a value is one that a YAML file may give, and no array."""
    plain = (bool, int, float, str, list, dict)
    return value is None or isinstance(value, plain) or dataclasses.is_dataclass(value)


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
    # An int may be too large for math.isnan, and is finite.
    if isinstance(value, float) and (
        math.isnan(value) or (math.isinf(value) and not rule.get("infinite"))
    ):
        raise ConfigError(f"{path} must be a finite number, got {value}")
    if (bound := rule.get("above")) is not None and not value > bound:
        raise ConfigError(f"{path} must be > {bound:g}, got {value}")
    if (bound := rule.get("at_least")) is not None and not value >= bound:
        raise ConfigError(f"{path} must be >= {bound:g}, got {value}")
    if (bound := rule.get("below")) is not None and not value < bound:
        raise ConfigError(f"{path} must be < {bound:g}, got {value}")
    if (bound := rule.get("at_most")) is not None and not value <= bound:
        raise ConfigError(f"{path} must be <= {bound:g}, got {value}")
