"""``manifest.json``: everything needed to know where a result came from, and to make it again."""

from __future__ import annotations

import dataclasses
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol, cast

import jax
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

import diffsim
from diffsim.experiment.config import KINDS, RunConfig
from diffsim.experiment.device import core_count
from diffsim.tables import require_plugins
from diffsim.tasks.task import Task
from diffsim.validation import ConfigError

OLDEST = "0.1.0"
"""First version of whose runs configs and checkpoints can be read."""

_PACKAGES = ("jax", "jaxlib", "optax", "optimistix", "cma", "numpy", "hydra-core", "safetensors")


class Recorded(Protocol):
    """A config that a result is made with."""

    seed: int
    precision: str


def build_manifest(
    config: Recorded, device: jax.Device, caveats: Sequence[str] = ()
) -> dict[str, Any]:
    """Resolved config, versions, commit, device, seed, precision and XLA flags of a run.

    Args:
        config: of the run.
        device: that it computes on.
        caveats: what was said of the robot before the run.
    """
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "config": dataclasses.asdict(cast(Any, config)),
        "caveats": list(caveats),
        "seed": config.seed,
        "precision": config.precision,
        "device": {"platform": device.platform, "kind": device.device_kind},
        "machine": {
            "system": platform.platform(),
            "processor": _processor_name(),
            "cores": core_count(),
        },
        "python": platform.python_version(),
        "versions": {"diffsim": diffsim.__version__, **_versions()},
        "git": _git_state(),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
    }


def figures_record(task: type[Task]) -> dict[str, Any]:
    """Record of a task's figures, from which reports judge its runs without the task's code."""
    return {
        "figures": {name: figure._asdict() for name, figure in task.figures.items()},
        "judged_by": task.judged_by,
    }


def restore_config(data: dict[str, Any], what: str = "the config in the manifest") -> RunConfig:
    """The config of a run, from what its manifest says of it.

    Args:
        data: as the manifest has it.
        what: it is, for the message.

    Raises:
        ConfigError: if it is not one that this version knows, or needs plugins that are not loaded.
    """
    known = {f.name for f in dataclasses.fields(RunConfig)}
    try:
        plain = {name: value for name, value in data.items() if name in known - set(KINDS)}
        config = OmegaConf.merge(OmegaConf.structured(RunConfig), plain)
        require_plugins([*config.plugins])
        restored: Any = config.copy()
        for group, table in KINDS.items():
            schema = OmegaConf.structured(table.kind(data[group]["kind"], f"{group}.kind").Config)
            restored[group] = OmegaConf.merge(schema, data[group])
        found = OmegaConf.to_object(restored)
    except (KeyError, TypeError, OmegaConfBaseException) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"{what} cannot be read: {reason} (diffsim {diffsim.__version__} reads the runs of "
            f"{OLDEST} and later)"
        ) from error
    assert isinstance(found, RunConfig)
    return found


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor_name() -> str:
    """The processor's name where Linux tells it, else what Python knows."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()


def _git_state() -> dict[str, Any] | None:
    """Commit of the source tree, and whether it was changed since; None outside a checkout."""
    source = Path(diffsim.__file__).parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(source), *arguments],
                capture_output=True,
                text=True,
                timeout=10,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    # A package that is merely installed below somebody else's checkout is not of that checkout.
    if git("ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
