"""Differences between the configs of runs: the keys, and their values in short words.

A key is a path, ``optimizer.learning_rate``. A group of the config that was chosen whole, such as
the optimiser, is a key, too: its value is its name, method or kind, as on the command line.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from diffsim.reporting.texts import NOTHING

BOOKKEEPING = (
    *("name", "note", "seed", "resume", "skip_damaged", "output_root"),
    *("checkpoints.every", "checkpoints.keep", "device.compilation_cache"),
)
"""Keys that make no difference to what a run finds out, but for the seed, which makes a repeat."""

CHOICES = ("robot", "task", "controller", "optimizer", "solver")
"""Groups of the config that are chosen whole."""

NAMES = ("name", "method", "kind")
"""The field that says which choice it was: the first of these that there is."""

MOST_KEYS = 12
"""More than these are summed up: by the mappings that they are in, the deepest first."""

LONGEST = 30
"""Characters of a list's values, or a mapping's names, that are written out."""

Config = dict[str, Any]


def differing_keys(configs: Sequence[Config]) -> list[str]:
    """The keys whose values differ between configs, in the configs' order, choices first.

    What comes with a choice and differs only between choices is not listed: the learning rate of
    Adam, which CMA-ES does not have, says no more than that one is Adam. Runs that agree in all
    of these keys have the same config, but for ``BOOKKEEPING``.
    """
    choices = [key for key in CHOICES if _count(configs, [key]) > 1]
    leaves = dict.fromkeys(key for config in configs for key in _leaves(config))
    found = []
    for key in leaves:
        if key in BOOKKEEPING or _count(configs, [key]) == 1:
            continue
        choice = key.split(".")[0]
        if choice not in choices or _count(configs, [choice]) < _count(configs, [choice, key]):
            found.append(key)
    while len(choices) + len(found) > MOST_KEYS:
        deepest = max(key.count(".") for key in found)
        if deepest < 2:
            break
        summed_up = (k.rpartition(".")[0] if k.count(".") == deepest else k for k in found)
        found = list(dict.fromkeys(summed_up))
    return [*choices, *found]


def telling_keys(configs: Sequence[Config], keys: Sequence[str]) -> list[str]:
    """Those of the keys that it takes to tell the configs apart, the first ones that do."""
    found: list[str] = []
    for key in keys:
        if _count(configs, [*found, key]) > _count(configs, found):
            found.append(key)
    return found


def known_keys(configs: Sequence[Config]) -> set[str]:
    """All keys that any config has, those of mappings included."""
    leaves = {key for config in configs for key in _leaves(config)}
    parts = [leaf.split(".") for leaf in leaves]
    whole = {".".join(part[:depth]) for part in parts for depth in range(1, len(part))}
    return leaves | whole | {key for config in configs for key in config}


def identity(config: Config, keys: Sequence[str]) -> tuple[Hashable, ...]:
    """Values at some keys, to be compared."""
    return tuple(_frozen(value_at(config, key)) for key in keys)


def value_at(config: Config, key: str) -> Any:
    """Value at a key: of a choice its name, None if there is no such key."""
    value: Any = config
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    if key in CHOICES and isinstance(value, dict):
        return next((value[name] for name in NAMES if name in value), value)
    return value


def short_texts(configs: Sequence[Config], key: str) -> list[str]:
    """Texts for a key's value in each config; other texts for other values."""
    words: dict[Hashable, str] = {}
    for config in configs:
        value = value_at(config, key)
        frozen = _frozen(value)
        if frozen in words:
            continue
        text = short_text(value)
        alike = sum(other == text or other.startswith(f"{text} #") for other in words.values())
        words[frozen] = f"{text} #{alike + 1}" if alike else text
    return [words[_frozen(value_at(config, key))] for config in configs]


def short_text(value: Any) -> str:
    """A value of a config in a few words."""
    if value is None or value == {}:
        return NOTHING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return _enclosed("{}", list(map(str, value)))
    if isinstance(value, list):
        return _enclosed("[]", list(map(short_text, value)))
    return str(value)


def _enclosed(brackets: str, texts: list[str]) -> str:
    """All of a mapping's names or a list's values if they are short, else how many there are."""
    listed = ", ".join(texts)
    if len(listed) > LONGEST:
        listed = f"{len(texts)} entries"
    return f"{brackets[0]}{listed}{brackets[1]}"


def _count(configs: Sequence[Config], keys: Sequence[str]) -> int:
    """Number of different values."""
    return len({identity(config, keys) for config in configs})


def _leaves(config: Config, path: str = "") -> list[str]:
    """The keys of everything that is no mapping."""
    found = []
    for name, value in config.items():
        key = f"{path}.{name}" if path else str(name)
        found += _leaves(value, key) if isinstance(value, dict) else [key]
    return found


def _frozen(value: Any) -> Hashable:
    """A value that can be compared by its hash; nothing and an empty mapping are the same."""
    if isinstance(value, dict):
        frozen = {name: _frozen(item) for name, item in value.items()}
        return tuple(sorted((str(n), v) for n, v in frozen.items() if v is not None)) or None
    if isinstance(value, list):
        return ("list", *map(_frozen, value))
    return value
