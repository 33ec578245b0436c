"""Choosing where to compute, with how many bits, and where compiled programs are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import jax
import jax.numpy as jnp

from diffsim.experiment.config import DeviceConfig
from diffsim.validation import ConfigError


@contextmanager
def computing_on(config: DeviceConfig, precision: str) -> Iterator[jax.Device]:
    """Compute on a device and in a precision within a ``with`` block.

    Args:
        config: which device, and where compiled programs are kept.
        precision: "float32" or "float64".

    Raises:
        ConfigError: if a GPU is asked for and JAX finds none: there is no silent fall-back; or if
            the folder for compiled programs cannot be made.
    """
    if config.platform == "cpu":
        # A run on the CPU should not reserve the memory of a GPU that others use.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    try:
        device = jax.devices(None if config.platform == "auto" else config.platform)[0]
    except RuntimeError as error:
        found = ", ".join(sorted({d.platform for d in jax.devices()}))
        raise ConfigError(
            f"device={config.platform} is not available: JAX {jax.__version__} finds only {found} "
            "(for an NVIDIA GPU: pip install 'diffsim-jax[gpu]')"
        ) from error
    keep_compiled_programs(config.compilation_cache)
    with jax.enable_x64(precision == "float64"), jax.default_device(device):
        yield device


def keep_compiled_programs(where: str) -> None:
    """Let JAX keep what it compiles in a folder, and find it there in the next process.

    Args:
        where: a folder, "off", or "auto": the folder that JAX has been told (the environment's
            JAX_COMPILATION_CACHE_DIR), else one below the user's cache folder.

    Raises:
        ConfigError: if the folder cannot be made.
    """
    if where == "off":
        jax.config.update("jax_enable_compilation_cache", False)
        return
    if where == "auto" and jax.config.values["jax_compilation_cache_dir"]:
        return
    try:
        folder = _user_cache() / "diffsim" / "compiled" if where == "auto" else Path(where)
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        if where == "auto":  # a user without a home still computes
            return
        raise ConfigError(
            f"device.compilation_cache must be auto, off or a folder, got '{where}' ({error})"
        ) from error
    jax.config.update("jax_compilation_cache_dir", str(folder.absolute()))


def visible_devices() -> list[jax.Device]:
    """All devices of the kind that is computed on."""
    (default,) = jnp.zeros(()).devices()
    return jax.devices(default.platform)


def use_all_cores(count: int | None = None) -> None:
    """Make a virtual device of each core (or so many), among which robots can be shared.

    It has no effect once JAX has begun to compute.
    """
    with suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", count or core_count())


def core_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_bytes(device: jax.Device) -> int | None:
    """Memory that a device has left, as far as it tells; of a CPU, that of the machine."""
    told = device.memory_stats() or {}
    if "bytes_limit" in told:
        return int(told["bytes_limit"] - told.get("bytes_in_use", 0))
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    kilobytes = {line.split(":")[0]: line.split()[1] for line in lines}
    return 1024 * int(kilobytes["MemAvailable"]) if "MemAvailable" in kilobytes else None


def check_fits(needed: int, device: jax.Device, checkpoint: str) -> None:
    """Check that a gradient fits into what a device has left.

    Args:
        needed: bytes, from ``diffsim.simulate.memory``.
        checkpoint: the value of ``simulation.checkpoint`` that they are for.

    Raises:
        ConfigError: with both figures, and what needs less.
    """
    available = available_bytes(device)
    if available is None or needed <= available:
        return
    less = {"none": "steps or nested", "steps": "nested"}.get(checkpoint)
    hint = f"simulation.checkpoint={less} needs less" if less else "fewer steps or robots need less"
    raise ConfigError(
        f"simulation.checkpoint={checkpoint}: the gradient would need about "
        f"{in_units(needed)} of memory, {in_units(available)} are available ({hint})"
    )


def in_units(size: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "kB", "MB"):
        if size < 1000.0:
            return f"{size:.3g} {unit}"
        size /= 1000.0
    return f"{size:,.3g} GB" if size < 1000.0 else f"{size:,.0f} GB"


def _user_cache() -> Path:
    """Folder for what programs can make again (XDG base directories)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
