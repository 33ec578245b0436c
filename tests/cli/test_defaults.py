"""Defaults stand once: in the class of a config. A YAML file says only how it differs.

What a robot has by name, such as a joint with its axis, may be said in full.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from diffsim.bench.config import BenchConfig
from diffsim.checks.config import CheckConfig
from diffsim.evaluation.config import EvalConfig
from diffsim.experiment.config import KINDS, DeviceConfig, RunConfig, SolverConfig
from diffsim.reporting.config import ReportConfig
from diffsim.robots.config import RobotConfig

CONF = Path(__file__).parents[2] / "conf"
COMMANDS: dict[str, type] = {
    "run": RunConfig,
    "bench": BenchConfig,
    "check": CheckConfig,
    "eval": EvalConfig,
    "report": ReportConfig,
}
GROUPS: dict[str, type] = {"robot": RobotConfig, "solver": SolverConfig, "device": DeviceConfig}
CHOSEN = ("solver.kind", "device.platform", "optimizer.method")
"""What a choice is about is said in its file, whatever the default is."""
FILES = [path for path in CONF.rglob("*.yaml") if path.parts[-3] != "recipe"]


def schema_of(path: Path) -> type | None:
    """The class that has the defaults of a file's values; None of a file for several groups."""
    group, *_ = path.relative_to(CONF).parts
    if path.parent == CONF:
        return COMMANDS[path.stem]
    if group in KINDS:
        for entry in yaml.safe_load(path.read_text())["defaults"]:
            if found := re.match(r"schema/(\w+)@", entry):
                return KINDS[group][found[1]].Config
            if entry != "_self_":
                return schema_of(path.with_stem(entry))
    return GROUPS.get(group)


def repeated(node: dict[str, Any], schema: type, prefix: str) -> Iterator[str]:
    """Keys of values that are the defaults."""
    for field in dataclasses.fields(schema):
        if field.name not in node:
            continue
        value, key = node[field.name], f"{prefix}.{field.name}"
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if dataclasses.is_dataclass(default) and isinstance(value, dict):
            yield from repeated(value, type(default), key)
        elif value == default and type(value) is type(default) and key not in CHOSEN:
            yield key


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CONF)))
def test_no_file_repeats_a_default(path: Path) -> None:
    schema = schema_of(path)
    if schema is not None:
        group = path.relative_to(CONF).parts[0]
        assert [*repeated(yaml.safe_load(path.read_text()), schema, group)] == []
