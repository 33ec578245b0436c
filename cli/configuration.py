"""Ties the configuration to Hydra: resolvers, what may be composed, and the typed result."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import yaml
from hydra import compose, initialize_config_module
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from yaml.constructor import ConstructorError, SafeConstructor

from diffsim.bench.config import BenchConfig
from diffsim.checks.config import CheckConfig
from diffsim.cli.recipes import begin_composition, check_chosen, groups_in_words, recipe_of
from diffsim.cli.schemas import leave_to_files, register_schemas
from diffsim.evaluation.config import EvalConfig
from diffsim.experiment.check import check_name
from diffsim.experiment.config import KINDS, RunConfig
from diffsim.reporting.config import ReportConfig
from diffsim.tables import load_plugins
from diffsim.validation import ConfigError

Config = TypeVar("Config", RunConfig, CheckConfig, BenchConfig, EvalConfig, ReportConfig)

LONGEST_NAME = 250  # bytes, of a file without its suffix


def register_resolvers() -> None:
    """Make ``run_id`` and ``file_name`` available to the YAML files, and YAML's own tags strict."""
    _register_scalars()
    # The same id wherever it stands in one config, another one in the next process.
    OmegaConf.register_new_resolver(
        "run_id", lambda: secrets.token_hex(3), use_cache=True, replace=True
    )
    # Hydra makes the run's folder before anything is checked: no name may lead out of it.
    OmegaConf.register_new_resolver("file_name", check_name, replace=True)
    OmegaConf.register_new_resolver("recipe_of", recipe_of, replace=True)
    OmegaConf.register_new_resolver("groups", groups_in_words, replace=True)


def guard_composition() -> None:
    """Let Hydra compose no config by which a file could execute code, and no choice but a name.

    A YAML file of any group may say ``# @package _global_`` and then anything about Hydra itself:
    which classes it makes of callbacks and loggers, and what environment its jobs have.
    """
    if getattr(ConfigLoaderImpl.load_configuration, "is_guarded", False):
        return
    load = ConfigLoaderImpl.load_configuration

    @functools.wraps(load)
    def load_and_check(
        loader: ConfigLoaderImpl, config_name: str | None, overrides: list[str], **options: Any
    ) -> DictConfig:
        _find_kinds(loader, overrides)
        _check_choices(loader, config_name, overrides)
        begin_composition(loader, config_name, overrides)
        try:
            config = load(loader, config_name, overrides, **options)
        except ConfigCompositionException:
            # A value of a task that is not chosen: the choice is what is missing, not the key.
            rest = [override for override in overrides if not override.startswith("task.")]
            config = load(loader, config_name, rest, **options)
            if not OmegaConf.is_missing(config, "task"):
                raise
        _check_plugins(config.hydra, overrides)
        return config

    load_and_check.is_guarded = True  # type: ignore[attr-defined]
    ConfigLoaderImpl.load_configuration = load_and_check  # type: ignore[assignment, method-assign]


def _find_kinds(loader: ConfigLoaderImpl, overrides: list[str]) -> None:
    """Enter the user's kinds in the tables: Python files beside YAML, and plugins."""
    parsed = OverridesParser.create().parse_overrides(overrides)
    folders = [Path(source.path) for source in loader.get_sources() if source.scheme() == "file"]
    for override in parsed:
        places = override.value() if override.key_or_group == "hydra.searchpath" else None
        if isinstance(places, list):
            places = [str(place) for place in places]
            folders += [Path(p.removeprefix("file://")) for p in places if p.startswith("file://")]
    for folder in folders:
        for group, table in KINDS.items():
            for path in sorted((folder / group).glob("[!_]*.py")):
                table.add_file(path.stem, path)
            leave_to_files((group, path.stem) for path in (folder / group).glob("*.yaml"))
    for override in parsed:
        if override.key_or_group == "plugins" and not override.is_sweep_override():
            names = override.value()
            if isinstance(names, list) and all(isinstance(name, str) for name in names):
                load_plugins(names, [str(Path.cwd()), *map(str, folders)])


def _check_choices(loader: ConfigLoaderImpl, name: str | None, overrides: list[str]) -> None:
    """Refuse for a group what is no name, of which Hydra would say nothing that helps.

    Raises:
        ConfigError: naming the group, the value and the choices.
    """
    for override in OverridesParser.create().parse_overrides(overrides):
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
        if choices := loader.get_group_options(group, config_name=name, overrides=overrides):
            raise ConfigError(f"{group} must be one of {', '.join(choices)}, got {value}")


BY_COMMAND = ("hydra.launcher.setup", "hydra.sweeper.custom_search_space")
"""What runs code of a launcher or sweeper: the command line may say it, no file."""


OF_A_SWEEPER = re.compile(r"optuna\.(samplers|pruners)\.[A-Z]\w*")
"""Classes that a sweeper makes of its own settings."""


def _is_plugin(target: Any) -> bool:
    """Return whether something is the name of a class that Hydra has found as a plug-in."""
    return target in Plugins.instance().class_name_to_class


def _check_plugins(config: DictConfig, overrides: list[str]) -> None:
    """Refuse what is not of this package's own config, or of a launcher or sweeper.

    Raises:
        ConfigError: naming the key.
    """
    plain: Any = OmegaConf.to_container(config, resolve=False)
    callbacks = plain["callbacks"]
    if not callbacks.items() <= {"sweep": {"_target_": "diffsim.cli.sweep.Sweep"}}.items():
        raise ConfigError(f"hydra.callbacks cannot be changed, got {callbacks}")
    parts = ("handlers", "formatters", "filters", "loggers")
    for key in ("job_logging", "hydra_logging"):
        logging = plain[key]
        if not isinstance(logging, dict) or any(logging.get(part) for part in parts):
            raise ConfigError(f"hydra.{key} must be none, got {logging}")
    if plain["job"]["env_set"]:
        raise ConfigError(f"hydra.job.env_set must be empty, got {plain['job']['env_set']}")
    given = {override.lstrip("+").split("=")[0] for override in overrides}
    for key in BY_COMMAND:
        if OmegaConf.select(config, key.removeprefix("hydra.")) and key not in given:
            raise ConfigError(f"{key} can be given on the command line alone, not in a file")
    for key in ("launcher", "sweeper"):  # Hydra itself takes no other package's classes for these
        _check_interpolations(config[key], f"hydra.{key}")
        for path, target in _targets(plain[key], f"hydra.{key}"):
            outer = path == f"hydra.{key}._target_"
            if not (outer and _is_plugin(target)) and not OF_A_SWEEPER.fullmatch(str(target)):
                raise ConfigError(f"{path} must be a class of Hydra's plug-ins, got {target}")


def _check_interpolations(node: Any, path: str) -> None:
    """Refuse an interpolation that stands for a mapping or list, in which a class may be named."""
    keys: Any = node if isinstance(node, DictConfig) else range(len(node))
    for key in keys:
        inner = f"{path}.{key}"
        if OmegaConf.is_interpolation(node, key):
            value = None
            with suppress(OmegaConfBaseException, ValueError, LookupError):
                value = node[key]
            if OmegaConf.is_config(value):
                raise ConfigError(f"{inner} must not be an interpolation of a mapping or list")
        elif not OmegaConf.is_missing(node, key) and OmegaConf.is_config(node[key]):
            _check_interpolations(node[key], inner)


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


def _register_scalars() -> None:
    """Name file and line where a number cannot be read; PyYAML lets any exception through."""

    def checked(construct: Callable[..., Any], kind: str) -> Callable[..., Any]:
        def read(loader: SafeConstructor, node: yaml.ScalarNode) -> Any:
            try:
                value = construct(loader, node)
                if kind == "int":
                    float(value)  # which OmegaConf may need: fails if it is too large
            except (ValueError, LookupError, ArithmeticError, AttributeError) as error:
                raise ConstructorError(
                    None, None, f"{node.value[:40]!r} is not a valid {kind}", node.start_mark
                ) from error
            return value

        return read

    for kind in ("int", "float", "bool", "timestamp"):
        construct = getattr(SafeConstructor, f"construct_yaml_{kind}")
        yaml.SafeLoader.add_constructor(f"tag:yaml.org,2002:{kind}", checked(construct, kind))


def compose_config(*overrides: str) -> RunConfig:
    """The config that ``diffsim-run`` would use with these overrides, for use in Python."""
    return _compose("run", RunConfig, overrides)


def compose_bench_config(*overrides: str) -> BenchConfig:
    """Compose the config of ``diffsim-bench``."""
    return _compose("bench", BenchConfig, overrides)


def _compose(name: str, schema: type[Config], overrides: Sequence[str]) -> Config:
    register_schemas()
    register_resolvers()
    guard_composition()
    with initialize_config_module("diffsim.conf", version_base="1.3"):
        composed = compose(name, list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(composed)  # a default name asks which groups were chosen
    with open_dict(composed):
        del composed["hydra"]
    return typed_config(composed, schema)


def typed_config(composed: DictConfig, schema: type[Config]) -> Config:
    """The composed config as dataclasses.

    Raises:
        ConfigError: if there is a key that no schema knows (Hydra lets ``+key=value`` add any), or
            a run's task or variables are not chosen.
    """
    if schema is RunConfig:
        _reject_unknown_keys(composed.robot, "robot")
        check_chosen(composed)
    _reject_unknown_keys(composed, "")
    config: Any = OmegaConf.to_object(composed)
    assert isinstance(config, schema)
    if not isinstance(config, ReportConfig):
        load_plugins(config.plugins, _own_folders())
    return config


def _own_folders() -> list[str]:
    """Folders of the user in which plugins may be: the present one, and those of their YAML."""
    sources = HydraConfig.get().runtime.config_sources if HydraConfig.initialized() else []
    return [str(Path.cwd()), *(source.path for source in sources if source.schema == "file")]


def file_of(key: str) -> Path | None:
    """The user's file that a key's value comes from: a preset, a recipe or the group's choice.

    None for the files in the package, for what the command line overrides, and where Hydra has not
    composed anything.
    """
    if not HydraConfig.initialized():
        return None
    hydra_config = HydraConfig.get()
    group = key.split(".")[0]
    overridden = {item.lstrip("+~").split("=")[0] for item in hydra_config.overrides.task}
    overridden.discard(group)
    if any(key == item or key.startswith((f"{item}.", f"{item}[")) for item in overridden):
        return None
    for owner in ("experiment", "recipe", group):
        if (path := _own_file(owner)) and (owner == group or _sets(path, key)):
            return path
    return None


def _own_file(group: str) -> Path | None:
    """The user's file of a group's choice; None if it is one of the package."""
    runtime = HydraConfig.get().runtime
    for source in runtime.config_sources:
        path = Path(source.path) / group / f"{runtime.choices.get(group)}.yaml"
        if source.schema == "file" and path.is_file():
            return path
    return None


def _sets(path: Path, key: str) -> bool:
    """True if a file has a value at a key, or at one within it."""
    node = yaml.safe_load(path.read_text())
    for part in re.split(r"[.\[]", key):
        if not isinstance(node, dict) or part not in node:
            return False
        node = node[part]
        if isinstance(node, list):
            break
    return True


def quoted(text: str) -> str:
    """A text as one value of an override, whatever characters it has."""
    doubled = re.sub(r"(\\*)('|$)", lambda m: 2 * m[1] + ("\\'" if m[2] else ""), text)
    return "'" + doubled.replace("${", "\\${") + "'"


def _reject_unknown_keys(node: DictConfig, path: str) -> None:
    schema = OmegaConf.get_type(node)
    known = (
        [field.name for field in dataclasses.fields(schema)]
        if dataclasses.is_dataclass(schema)
        else None
    )
    for key in map(str, node):
        full_key = f"{path}.{key}" if path else key
        if known is not None and key not in known:
            raise ConfigError(f"{full_key} is not known, must be one of {', '.join(known)}")
        if OmegaConf.is_missing(node, key):
            raise ConfigError(f"{full_key} must be given, it has no default")
        child = node[key]
        if isinstance(child, DictConfig):
            _reject_unknown_keys(child, full_key)
