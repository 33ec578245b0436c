"""A robot from its YAML data, without a command line."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from diffsim.robots.check import check_robot
from diffsim.robots.config import RobotConfig
from diffsim.validation import ConfigError, check, explain_yaml

OWN = "_self_"
"""Entry of ``defaults`` that stands for the file's own values."""


def load_robot(source: str | Path | Mapping[str, Any]) -> RobotConfig:
    """The robot of a file, of a mapping as a file would have it, or of a name.

    Args:
        source: "quadruped", say, of those that come with the package; the path of a YAML file; or
            what such a file says, in which numbers and lists may be NumPy's. A file may build on
            others, as ``defaults: [quadruped, _self_]`` (see ``docs/extending.md``).

    Raises:
        ConfigError: if there is no such robot, or it cannot be built.
    """
    try:
        data = _plain(source) if isinstance(source, Mapping) else _read(_path(source))
        robot = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(RobotConfig), data))
    except (OSError, OmegaConfBaseException, YAMLError) as error:
        key = ".".join(filter(None, ["robot", str(getattr(error, "full_key", None) or "")]))
        told = explain_yaml(str(error), key)
        raise ConfigError(told or f"robot: {' '.join(str(error).split())}") from error
    assert isinstance(robot, RobotConfig)
    check(robot, "robot")
    check_robot(robot)
    return robot


def _plain(value: Any) -> Any:
    """A mapping, list or number with Python's own numbers and lists in the place of NumPy's."""
    if OmegaConf.is_config(value):
        return value
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _path(source: str | Path) -> Path:
    """Path of a robot's file."""
    if Path(source).suffix in (".yaml", ".yml"):
        return Path(source)
    folder = _package()
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    if source not in names:
        raise ConfigError(f"robot must be a file or one of {', '.join(names)}, got '{source}'")
    return folder / f"{source}.yaml"


def _package() -> Path:
    """Folder of the robots that come with the package."""
    return Path(str(files("diffsim.conf"))) / "robot"


def _read(path: Path, within: tuple[Path, ...] = ()) -> Any:
    """Read a robot's file, on top of those that its ``defaults`` name.

    Those are robots of the package or, if it has none of the name, stand beside the file: in the
    order in which Hydra searches.
    """
    data = OmegaConf.load(path)
    if not isinstance(data, DictConfig) or "defaults" not in data:
        return data
    entries = data.pop("defaults")
    if not isinstance(entries, ListConfig) or not all(isinstance(e, str) for e in entries):
        raise ConfigError(f"defaults must be a list of robots' files and _self_, got {entries}")
    names = [entry.removesuffix("@_here_") for entry in entries]
    merged: DictConfig | ListConfig = OmegaConf.create()
    for name in names if OWN in names else [*names, OWN]:
        if name == OWN:
            merged = OmegaConf.merge(merged, data)
            continue
        places = [folder / f"{name}.yaml" for folder in (_package(), path.parent)]
        found = next((place for place in places if place.is_file() and place != path), None)
        if found is None or found in within:
            raise ConfigError(
                f"defaults must name robots' files that do not build on this one, got '{name}'"
            )
        merged = OmegaConf.merge(merged, _read(found, (*within, path)))
    return merged
