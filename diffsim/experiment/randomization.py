"""Numbers of the config that are drawn in every episode: each robot of a batch has its own.

Source: Peng, Andrychowicz, Zaremba, Abbeel, "Sim-to-real transfer of robotic control with dynamics
randomization", 2018; batches of slightly different robots: Degrave et al. (2019), section 3.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from diffsim.experiment.config import RunConfig
from diffsim.experiment.paths import follow, overlap
from diffsim.robots.check import coordinate_count
from diffsim.robots.replace import replace
from diffsim.validation import ConfigError, describe_value

KINDS_OF_DRAWS = ("uniform", "log_uniform", "normal")

CUT = 3.0
"""Standard deviations from its mean at which a normal distribution ends: a mass stays positive."""

MAY_BE_NULL = ("friction", "restitution", "mass", "max_force")
"""Fields that may be drawn where they are null; a number in others makes another kind of robot."""

SEEN = ("radius", "size", "parameters", "texture")
"""Fields of bodies and geoms by which cameras know how a robot looks."""


class Distribution(NamedTuple):
    """Distribution of one number.

    Attributes:
        kind: one of ``KINDS_OF_DRAWS``.
        first, second: least and greatest, or mean and standard deviation.
    """

    kind: str
    first: Any
    second: Any

    @property
    def ends(self) -> tuple[Any, Any]:
        """The least and the greatest number that is drawn."""
        if self.kind == "normal":
            return self.first - CUT * self.second, self.first + CUT * self.second
        return self.first, self.second


def distributions(config: RunConfig) -> dict[str, Distribution]:
    """Distributions of a checked config by their paths."""
    return {path: _read(path, value) for path, value in _flat(config.task.randomize, "")}


def with_coordinates(config: RunConfig) -> RunConfig:
    """The config with zeros for those coordinates and rates of joints that are null and drawn."""
    for path, _ in _flat(config.task.randomize, ""):
        parts = path.split(".")
        if parts[:2] == ["robot", "joints"] and parts[3:4] in (["position"], ["velocity"]):
            joint = config.robot.joints.get(parts[2])
            if len(parts) == 5 and joint is not None and getattr(joint, parts[3]) is None:
                zeros = [0.0] * coordinate_count(joint)
                config = replace(config, {".".join(parts[:4]): zeros})
    return config


def check_randomize(config: RunConfig, check_all: Callable[[RunConfig], None]) -> None:
    """Check ``task.randomize``: its paths, and that all that may be drawn is allowed.

    Args:
        config: of the run.
        check_all: checks a config with numbers at the ends of their distributions.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    config = with_coordinates(config)
    ends: dict[str, tuple[float, float]] = {}
    for path, given in _flat(config.task.randomize, ""):
        key = f"task.randomize.{path}"
        if path in ends:
            raise ConfigError(f"{key} must be given once, got it twice")
        _check_path(config, path, key)
        for name, variable in config.variables.items():
            if overlap(path, variable.path):
                raise ConfigError(
                    f"{key} must not overlap with variables.{name}.path, '{variable.path}'"
                )
        low, high = _read(key, given).ends
        ends[path] = float(low), float(high)
    # Two numbers may be allowed each, and not together: a limit that is above another.
    for first, second in itertools.combinations_with_replacement(ends, 2):
        for numbers in itertools.product(ends[first], ends[second]):
            try:
                check_all(replace(config, dict(zip((first, second), numbers, strict=True))))
            except ConfigError as error:
                key = f"task.randomize.{first}"
                raise ConfigError(f"{key} must draw what is allowed: {error}") from None


def _read(key: str, given: Any) -> Distribution:
    """The distribution that is given at a key, with plain numbers."""
    kind, numbers = "uniform", given
    if isinstance(given, dict):
        if len(given) != 1:
            raise ConfigError(
                f"{key} must be [least, greatest] or have one of {', '.join(KINDS_OF_DRAWS)}, "
                f"got {given}"
            )
        ((kind, numbers),) = given.items()
    _check_numbers(key, kind, numbers)
    return Distribution(kind, *numbers)


def _flat(given: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    """Entries by their paths, given as "robot.friction" or as "friction" below "robot"."""
    for name, value in given.items():
        path = f"{before}{name}"
        if isinstance(value, dict) and value and not _is_distribution(value):
            yield from _flat(value, f"{path}.")
        else:
            yield path, value


def _is_distribution(given: Mapping[str, Any]) -> bool:
    """Return whether the names are those of distributions, and not of bodies called so."""
    named = {*given} & {*KINDS_OF_DRAWS}
    return any(isinstance(given[name], list) for name in named)


def _check_numbers(key: str, kind: str, numbers: Any) -> None:
    what = "[mean, standard deviation]" if kind == "normal" else "[least, greatest]"
    is_pair = isinstance(numbers, list) and len(numbers) == 2
    if not is_pair or not all(_is_number(number) for number in numbers):
        raise ConfigError(f"{key} must be two numbers, {what}, got {numbers}")
    first, second = numbers
    if kind == "normal":
        if second <= 0:
            raise ConfigError(f"{key} must have a standard deviation > 0, got {second}")
    elif not first < second:
        raise ConfigError(f"{key} must have a least number below the greatest, got {numbers}")
    if kind == "log_uniform" and first <= 0:
        raise ConfigError(f"{key} must have numbers > 0 for log_uniform, got {numbers}")


def _is_number(value: Any) -> bool:
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and math.isfinite(value)


def _check_path(config: RunConfig, path: str, key: str) -> None:
    """The path leads to a number of the world, which may be null."""
    parts = path.split(".")
    if parts[0] not in ("robot", "simulation") or path in ("simulation.dt", "robot.name"):
        raise ConfigError(f"{key} must begin with 'robot.' or 'simulation.gravity.', got '{path}'")
    if parts[:2] in (["robot", group] for group in ("sensors", "cameras", "light")):
        raise ConfigError(f"{key} must be of what moves, not of {parts[1]}")
    value, _ = follow(config, path, key)
    if not (_is_number(value) or (value is None and parts[-1] in MAY_BE_NULL)):
        raise ConfigError(f"{key} must lead to a single number, got {describe_value(value)}")
    if config.controller.sees is not None and ({*SEEN} & {*parts} or parts[1] == "scenery"):
        raise ConfigError(
            f"{key} must not change what a camera sees, as controller={config.controller.kind} "
            f"has one; got '{path}'"
        )
