"""Schemas of configs as a source of Hydra's, each made when a config asks for it.

``run_schema`` and the like are those of the commands; ``task/schema/gait`` is that of a kind, found
in its table. A kind without a YAML file of its name is a choice by itself, ``controller=dense``:
its schema with the defaults of its ``Config``. No kind is imported that is not chosen.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra_plugins.diffsim_launcher import ProcessLauncher
from omegaconf import OmegaConf

from diffsim.bench.config import BenchConfig
from diffsim.checks.config import CheckConfig
from diffsim.evaluation.config import EvalConfig
from diffsim.experiment.config import KINDS, RunConfig
from diffsim.reporting.config import ReportConfig

SCHEME = "diffsim"
COMMANDS: dict[str, type] = {
    "run_schema": RunConfig,
    "check_schema": CheckConfig,
    "bench_schema": BenchConfig,
    "eval_schema": EvalConfig,
    "report_schema": ReportConfig,
}


class SchemaSource(ConfigSource):
    """Gives the schemas of the commands and of all kinds."""

    @staticmethod
    def scheme() -> str:
        return SCHEME

    def available(self) -> bool:
        return True

    def load_config(self, config_path: str) -> ConfigResult:
        schema = _schema(_plain(config_path))
        if schema is None:
            raise ConfigLoadError(f"there is no schema '{config_path}'")
        node = OmegaConf.structured(schema)
        return ConfigResult(self.provider, self.full_path(), node, header={"package": None})

    def is_group(self, config_path: str) -> bool:
        group, _, inner = _plain(config_path).partition("/")
        return (group in KINDS and inner in ("", "schema")) or not group

    def is_config(self, config_path: str) -> bool:
        return _is_known(_plain(config_path))

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        if not (path := _plain(config_path)):
            return [] if results_filter == ObjectType.CONFIG else sorted(KINDS)
        group, _, inner = path.partition("/")
        found: list[str] = []
        if results_filter != ObjectType.CONFIG and not inner:
            found.append("schema")
        if results_filter != ObjectType.GROUP:
            found += KINDS[group] if inner else _without_file(group)
        return sorted(found)


class SchemaSearchPath(SearchPathPlugin):
    """Adds the source to Hydra's search path.

    It stands before the user's folders there, and so leaves what they have to them.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append(provider="diffsim", path=f"{SCHEME}://")


def register_schemas() -> None:
    """Make the schemas known under the names that the YAML files use, and our launcher."""
    for plugin in (SchemaSource, SchemaSearchPath, ProcessLauncher):
        Plugins.instance().register(plugin)


def _plain(config_path: str) -> str:
    return config_path.strip("/").removesuffix(".yaml")


def _is_known(path: str) -> bool:
    group, *inner = path.split("/")
    if group not in KINDS:
        return path in COMMANDS
    match inner:
        case ["schema", name]:
            return name in KINDS[group]
        case [name]:
            return name in _without_file(group)
    return False


def leave_to_files(choices: Iterable[tuple[str, str]]) -> None:
    """Let YAML files of the user be what a choice stands for, as (group, name)."""
    _left.update(choices)


_left: set[tuple[str, str]] = set()


def _without_file(group: str) -> list[str]:
    """Names of the kinds that have no YAML file, neither in the package nor of the user."""
    known = _files(group)
    return [name for name in KINDS[group] if name not in known and (group, name) not in _left]


@functools.cache
def _files(group: str) -> frozenset[str]:
    """Names of the package's own YAML files of a group."""
    folder = Path(str(files("diffsim.conf"))) / group
    return frozenset(path.stem for path in folder.glob("*.yaml"))


def _schema(path: str) -> type | None:
    if not _is_known(path):
        return None
    if path in COMMANDS:
        return COMMANDS[path]
    group, *inner = path.split("/")
    schema: type = KINDS[group][inner[-1]].Config
    return schema
