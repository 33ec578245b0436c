"""Ties the configuration to Hydra: schemas, resolvers, and the typed result."""

from __future__ import annotations

import dataclasses
import secrets
from typing import Any

from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from diffsim.experiment.config import SCHEMAS, RunConfig, check_name
from diffsim.validation import ConfigError


def register_schemas() -> None:
    """Make the schemas known under the names that the YAML files' defaults lists use."""
    store = ConfigStore.instance()
    store.store(name="run_schema", node=RunConfig)
    for group, kinds in SCHEMAS.items():
        for kind, schema in kinds.items():
            store.store(group=f"{group}/schema", name=kind, node=schema)


def register_resolvers() -> None:
    """Make ``run_id`` and ``file_name`` available to the YAML files."""
    # The same id wherever it stands in one config, another one in the next process.
    OmegaConf.register_new_resolver(
        "run_id", lambda: secrets.token_hex(3), use_cache=True, replace=True
    )
    # Hydra makes the run's folder before anything is checked: no name may lead out of it.
    OmegaConf.register_new_resolver("file_name", check_name, replace=True)


def compose_config(*overrides: str) -> RunConfig:
    """The config that ``diffsim-run`` would use with these overrides, for use in Python."""
    register_schemas()
    register_resolvers()
    with initialize_config_module("diffsim.conf", version_base="1.3"):
        composed = compose("run", list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(composed)  # the default name asks which groups were chosen
    with open_dict(composed):
        del composed["hydra"]
    return typed_config(composed)


def typed_config(composed: DictConfig) -> RunConfig:
    """The composed config as dataclasses.

    Raises:
        ConfigError: if there is a key that no schema knows (Hydra lets ``+key=value`` add any).
    """
    _reject_unknown_keys(composed, "")
    config: Any = OmegaConf.to_object(composed)
    assert isinstance(config, RunConfig)
    return config


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
