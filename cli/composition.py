"""Check of what a command's config is composed of, before Hydra composes it for itself.

Hydra does what a config says about Hydra: it makes callbacks, log handlers and launchers of the
classes that are named there, and sets variables of the environment. A YAML file of any group may
say ``# @package _global_`` and then anything of that kind. So the command's config is composed here
first, by ``hydra.compose``, which does nothing of the kind, and refused if a file could execute
code.
"""

from __future__ import annotations

import itertools
import os
import re
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import ConfigCompositionException, HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from diffsim.cli.recipes import check_chosen
from diffsim.cli.schemas import enter_folders, enter_plugins, options
from diffsim.validation import ConfigError

CONFIG_MODULE = "diffsim.conf"
LONGEST_NAME = 250  # bytes, of a file without its suffix
SEARCHPATH = "hydra.searchpath"
FILE = "file://"


def check_command_line(name: str, arguments: list[str]) -> None:
    """Check what a command would compose, of a sweep every combination of choices.

    Args:
        name: of the config, such as "run".
        arguments: of the command.

    Raises:
        ConfigError: naming the key that a file must not set, or what has to be chosen.
        HydraException: if the config of a command that is no sweep cannot be composed.
    """
    given, overrides = _parsed(name, arguments)
    folders = [given.config_dir] if given.config_dir and Path(given.config_dir).is_dir() else []
    with initialize_config_module(CONFIG_MODULE, version_base="1.3"):
        if not given.multirun and "hydra.mode=MULTIRUN" not in overrides:
            compose_checked(name, overrides, folders)
            return
        swept = _sweepers_own(name, overrides, folders)
        for chosen in _combinations([*overrides, *swept]):
            with suppress(HydraException, OmegaConfBaseException):  # then it is the job that fails
                compose_checked(name, chosen, folders)


def compose_checked(name: str, overrides: Sequence[str], folders: Sequence[str] = ()) -> DictConfig:
    """Compose a config, that of Hydra included, within ``initialize_config_module``.

    Args:
        name: of the config, such as "run".
        overrides: as on the command line.
        folders: of configs of the user's.

    Raises:
        ConfigError: naming the key that a file must not set, or what has to be chosen.
        HydraException: if it cannot be composed.
    """
    parsed = _parser().parse_overrides([*overrides])
    places = [*_searched(parsed), *folders]
    enter_folders(places)
    enter_plugins(_plugins(parsed), places)
    _check_choices(parsed)
    asked = [override for override in overrides if not override.startswith(f"{SEARCHPATH}=")]
    if places:
        found = ",".join(quoted(FILE + str(Path(place).absolute())) for place in places)
        asked.append(f"{SEARCHPATH}=[{found}]")
    try:
        composed = compose(name, asked, return_hydra_config=True)
    except ConfigCompositionException:
        # A value of a task that is not chosen: the choice is what is missing, not the key.
        rest = [override for override in asked if not override.startswith("task.")]
        composed = compose(name, rest, return_hydra_config=True)
        if not OmegaConf.is_missing(composed, "task"):
            raise
        HydraConfig.instance().set_config(composed)
        check_chosen(composed)
    _check_hydra(composed.hydra)
    return composed


def quoted(text: str) -> str:
    """A text as one value of an override, whatever characters it has."""
    doubled = re.sub(r"(\\*)('|$)", lambda m: 2 * m[1] + ("\\'" if m[2] else ""), text)
    return "'" + doubled.replace("${", "\\${") + "'"


def _parsed(name: str, arguments: list[str]) -> tuple[Any, list[str]]:
    """Read the arguments: what the options say, and the overrides."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd")
    parser.add_argument("--multirun", "-m", action="store_true")
    parser.add_argument("--cfg", "-c")
    parser.add_argument("--package", "-p")
    refused = ("--config-name", "--config-path", "--experimental-rerun")
    for option, short in zip(refused, (["-cn"], ["-cp"], []), strict=True):
        parser.add_argument(option, *short)
    given, rest = parser.parse_known_args(arguments)
    for option in refused:
        if getattr(given, option.lstrip("-").replace("-", "_")) is not None:
            raise ConfigError(f"{option} is not for diffsim-{name}, whose config is its own")
    return given, [argument for argument in rest if not argument.startswith("-")]


def _parser() -> OverridesParser:
    return OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())


def _combinations(overrides: list[str]) -> Iterator[list[str]]:
    """Overrides of the jobs of a sweep, as far as they differ in choices of groups.

    Values that are swept are left out: no value says which files are read.
    """
    parsed = _parser().parse_overrides(overrides)
    choices: list[list[str]] = []
    for override, given in zip(parsed, overrides, strict=True):
        if not override.is_sweep_override():
            choices.append([given])
        elif (known := options(override.key_or_group)) and override.is_discrete_sweep():
            key, value = given.split("=", 1)[0], override.value()
            names = (
                value.filter(known)
                if isinstance(value, Glob)
                else [*override.sweep_string_iterator()]
            )
            choices.append([f"{key}={name}" for name in names])
    for chosen in itertools.product(*choices):
        yield [*chosen]


def _sweepers_own(name: str, overrides: list[str], folders: Sequence[str]) -> list[str]:
    """Overrides that a file has the sweeper try."""
    fixed = [
        given
        for override, given in zip(_parser().parse_overrides(overrides), overrides, strict=True)
        if not override.is_sweep_override()
    ]
    with suppress(HydraException, OmegaConfBaseException):
        params = compose_checked(name, fixed, folders).hydra.sweeper.get("params") or {}
        return [f"{key}={value}" for key, value in params.items()]
    return []


def _searched(parsed: Sequence[Override]) -> list[str]:
    """Folders of the user's that an override names."""
    for override in parsed:
        if override.key_or_group == SEARCHPATH and isinstance(found := override.value(), list):
            places = [str(place) for place in found]
            return [place.removeprefix(FILE) for place in places if place.startswith(FILE)]
    return []


def _plugins(parsed: Sequence[Override]) -> list[str]:
    """Modules that an override names."""
    for override in parsed:
        if override.key_or_group == "plugins" and not override.is_sweep_override():
            names = override.value()
            if isinstance(names, list) and all(isinstance(name, str) for name in names):
                return names
    return []


def _check_choices(parsed: Sequence[Override]) -> None:
    """Refuse for a group what is no name, of which Hydra would say nothing that helps.

    Raises:
        ConfigError: naming the group, the value and the choices.
    """
    for override in parsed:
        group = override.key_or_group
        if "." in group or override.is_sweep_override():
            continue
        value = override.value()
        if isinstance(value, dict):  # of values, not a choice
            continue
        if isinstance(value, str) and len(os.fsencode(value)) <= LONGEST_NAME:
            continue
        if value is None and override.is_delete():
            continue
        if choices := options(group):
            raise ConfigError(f"{group} must be one of {', '.join(choices)}, got {value}")


def _check_hydra(config: DictConfig) -> None:
    """Refuse what is not of this package's own config, or of a launcher or sweeper.

    Raises:
        ConfigError: naming the key.
    """
    plain: Any = OmegaConf.to_container(config, resolve=False)
    callbacks = plain["callbacks"]
    if not callbacks.items() <= {"sweep": {"_target_": "diffsim.cli.sweep.Sweep"}}.items():
        raise ConfigError(f"hydra.callbacks cannot be changed, got {callbacks}")
    for key in ("job_logging", "hydra_logging"):
        if any(plain[key].get(part) for part in ("handlers", "formatters", "filters", "loggers")):
            raise ConfigError(f"hydra.{key} must be none, got {plain[key]}")
    if plain["job"]["env_set"]:
        raise ConfigError(f"hydra.job.env_set must be empty, got {plain['job']['env_set']}")
    for key in ("launcher", "sweeper"):  # Hydra itself takes no other package's classes for these
        for path, target in _targets(plain[key], f"hydra.{key}"):
            if not str(target).startswith(
                ("hydra_plugins.", "hydra._internal.core_plugins.", "optuna.")
            ):
                raise ConfigError(f"{path} must be a class of Hydra's plug-ins, got {target}")


def _targets(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every ``_target_`` in a config, with its key."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "_target_":
                yield f"{path}.{key}", value
            yield from _targets(value, f"{path}.{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _targets(value, f"{path}[{number}]")
