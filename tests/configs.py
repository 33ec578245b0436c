"""Composes the real configuration, as the command line does."""

from __future__ import annotations

from hydra import compose, initialize_config_module

from diffsim.cli.schemas import register_resolvers, register_schemas, typed_config
from diffsim.experiment.config import RunConfig


def composed(*overrides: str) -> RunConfig:
    """The typed config of ``diffsim-run`` with these overrides."""
    register_schemas()
    register_resolvers()
    with initialize_config_module("diffsim.conf", version_base="1.3"):
        named = any(o.startswith(("name=", "experiment=")) for o in overrides)
        # The default name asks Hydra which groups were chosen, which only a real run knows.
        return typed_config(compose("run", [*overrides, *([] if named else ["name=test"])]))
