"""Configuration of ``diffsim-report``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from diffsim.validation import ConfigError, Frozen


@dataclass
class ReportConfig(Frozen):
    """Runs to gather, and the grouping of them."""

    runs: Any = MISSING  # a folder or a list of them; runs are looked for in and below each
    output: str | None = None  # a folder; null: report/ in the first folder given
    # A key of the runs' configs or a list of them; null: those that differ, apart from the seed.
    group_by: Any = None
    # A column of metrics.csv; null: what each run's task is judged by.
    metric: str | None = None


def check_report(config: ReportConfig) -> None:
    """Check what can be checked before any run is read.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    for folder in folders(config):
        if not folder.is_dir():
            reason = "is not a folder" if folder.exists() else "does not exist"
            raise ConfigError(f"runs must be folders, '{folder}' {reason}")
    group_keys(config)
    output = output_folder(config)
    if output.exists() and not output.is_dir():
        raise ConfigError(f"output must be a folder, '{output}' is a file")


def folders(config: ReportConfig) -> list[Path]:
    """Folders with runs, each once."""
    named = _texts(config.runs, "runs", "a folder")
    if not named:
        raise ConfigError("runs must have at least one folder, got []")
    return list(dict.fromkeys(Path(name) for name in named))


def group_keys(config: ReportConfig) -> list[str] | None:
    """The keys by which runs are grouped, None for those that differ."""
    return None if config.group_by is None else _texts(config.group_by, "group_by", "a key")


def output_folder(config: ReportConfig) -> Path:
    """Folder of the report."""
    return folders(config)[0] / "report" if config.output is None else Path(config.output)


def _texts(value: Any, key: str, what: str) -> list[str]:
    """One text or a list of them, as a list."""
    listed = value if isinstance(value, list) else [value]
    for item in listed:
        if isinstance(item, bool | dict | list) or item is None or item == "":
            raise ConfigError(f"{key} must be {what} or a list of them, got {value!r}")
    return [str(item) for item in listed]  # a folder's name may look like a number
