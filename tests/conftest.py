"""Tests run in float32, as users do, unless they ask for float64."""

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture
def float64() -> Iterator[None]:
    """Run the test in double precision."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(params=["float32", "float64"])
def precision(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test in both precisions; the value is the dtype's name."""
    with jax.enable_x64(request.param == "float64"):
        yield request.param
