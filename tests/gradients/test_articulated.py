"""Reverse mode = central differences over one step of articulated robots, in every regime."""

from __future__ import annotations

import pytest

from tests.gradients.lanes import jacobian_in_lanes, worst
from tests.gradients.mechanisms import (
    AWAY_FROM_SWITCHES,
    LARGE,
    REGIMES,
    placeholders,
    scene_of,
)

pytestmark = pytest.mark.usefixtures("float64")

# The requirement. Round-off leaves 4e-7 in the smallest entries that count, of large robots 1e-6.
TOLERANCE = 1e-6
TOLERANCE_OF_LARGE = 2e-6

# Some take long, others are differentiated a hundred times by test_articulated_rollouts.py.
SLOW = {*AWAY_FROM_SWITCHES, ("linkage", "hard"), ("sprung", "hard")} | {
    ("linkage", "saturated"),
    ("sprung", "undamped"),
}
EVERY_REGIME = [
    pytest.param(
        robot,
        regime,
        marks=[pytest.mark.slow] if robot in LARGE or (robot, regime) in SLOW else [],
    )
    for robot, regimes in REGIMES.items()
    for regime in regimes
]


@pytest.mark.parametrize(("robot", "regime"), EVERY_REGIME)
def test_gradients_of_a_step_agree(robot: str, regime: str) -> None:
    found = REGIMES[robot][regime]
    scene = scene_of(found)
    result = jacobian_in_lanes(scene, solver=found.solver)
    tolerance = TOLERANCE_OF_LARGE if robot in LARGE else TOLERANCE
    assert worst(result, tolerance, ignored=placeholders(scene.world)) == []
