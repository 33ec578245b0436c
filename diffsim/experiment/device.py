"""Choosing where to compute, and with how many bits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import jax

from diffsim.validation import ConfigError


@contextmanager
def computing_on(platform: str, precision: str) -> Iterator[jax.Device]:
    """Compute on a device and in a precision within a ``with`` block.

    Args:
        platform: "cpu", "gpu", or "auto" for a GPU if there is one.
        precision: "float32" or "float64".

    Raises:
        ConfigError: if a GPU is asked for and JAX finds none. There is no silent fall-back.
    """
    if platform == "cpu":
        # A run on the CPU should not reserve the memory of a GPU that others use.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    try:
        device = jax.devices(None if platform == "auto" else platform)[0]
    except RuntimeError as error:
        found = ", ".join(sorted({d.platform for d in jax.devices()}))
        raise ConfigError(
            f"device={platform} is not available: JAX {jax.__version__} finds only {found} "
            "(for an NVIDIA GPU: pip install 'diffsim-jax[gpu]')"
        ) from error
    with jax.enable_x64(precision == "float64"), jax.default_device(device):
        yield device
