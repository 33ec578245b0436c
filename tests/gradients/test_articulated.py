"""Reverse mode = central differences over one step of articulated robots, in every regime."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import pytest

from diffsim.engine.world import State
from tests.gradients.lanes import Comparison, jacobian_in_lanes, repeat, step_lanes, worst
from tests.gradients.mechanisms import (
    LARGE,
    SMALL,
    TIMESTEP,
    Regime,
    placeholders,
    scene_of,
)

pytestmark = pytest.mark.usefixtures("float64")

# The requirement. Round-off leaves 4e-7 in the smallest entries that count.
TOLERANCE = 1e-6
# Of the largest entry in its column: an input that moves nothing is not an input.
ROUND_OFF = 1e-12
# An impulse at its bound, relative to it.
AT_BOUND = 1e-12

SMALL_REGIMES = [(robot, regime) for robot, regimes in SMALL.items() for regime in regimes]
LARGE_REGIMES = [(robot, regime) for robot, regimes in LARGE.items() for regime in regimes]


def find(robot: str, regime: str) -> Regime:
    return (SMALL | LARGE)[robot][regime]


@cache
def comparison(robot: str, regime: str) -> Comparison:
    found = find(robot, regime)
    return jacobian_in_lanes(scene_of(found), solver=found.solver)


@cache
def state_after(robot: str, regime: str) -> State:
    found = find(robot, regime)
    states = step_lanes(repeat(scene_of(found), 256), solver=found.solver)
    return State(*(leaf if leaf is None else leaf for leaf in states))


def check(robot: str, regime: str) -> None:
    ignored = placeholders(scene_of(find(robot, regime)).world)
    assert worst(comparison(robot, regime), TOLERANCE, ignored) == []


@pytest.mark.parametrize(("robot", "regime"), SMALL_REGIMES)
def test_gradients_of_a_step_agree(robot: str, regime: str) -> None:
    check(robot, regime)
