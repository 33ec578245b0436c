"""Ties the configuration to Hydra: resolvers, and the composed config as dataclasses."""

from __future__ import annotations

import dataclasses
import re
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from hydra import initialize_config_module
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict
from yaml.constructor import ConstructorError, SafeConstructor

from diffsim.bench.config import BenchConfig
from diffsim.checks.config import CheckConfig
from diffsim.cli.composition import CONFIG_MODULE, compose_checked
from diffsim.cli.recipes import check_chosen, recipe_of
from diffsim.cli.schemas import register_schemas
from diffsim.evaluation.config import EvalConfig
from diffsim.experiment.check import check_name
from diffsim.experiment.config import RunConfig
from diffsim.reporting.config import ReportConfig
from diffsim.tables import load_plugins
from diffsim.validation import ConfigError

Config = TypeVar("Config", RunConfig, CheckConfig, BenchConfig, EvalConfig, ReportConfig)


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
    with initialize_config_module(CONFIG_MODULE, version_base="1.3"):
        composed = compose_checked(name, overrides)
        HydraConfig.instance().set_config(composed)  # a default name asks what was chosen
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
