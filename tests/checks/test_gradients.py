"""The comparison with differences tells right gradients from wrong ones, and both from switches."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from diffsim.checks.config import CheckConfig, CheckSettings
from diffsim.checks.gradients import (
    CONTROLLER,
    SHIFTS,
    KindResult,
    Samples,
    check_gradients,
    choose,
    compare,
)
from diffsim.checks.observation import observe
from diffsim.checks.trial import Trials
from diffsim.robots.config import SensorConfig
from diffsim.robots.replace import replace
from tests.worlds import ball_robot

SETTINGS = CheckSettings()
STEP = SETTINGS.difference


def compared(
    function: Callable[[np.ndarray], float],
    gradient: list[float],
    settings: CheckSettings = SETTINGS,
) -> KindResult:
    """The comparison for a function of a few numbers, about zero."""
    count = len(gradient)
    shifted = [[function(STEP * shift * row) for shift in SHIFTS] for row in np.eye(count)]
    samples = Samples(function(np.zeros(count)), np.array(shifted), size=1.0)
    everything = np.ones(count, bool)
    return compare("kind", everything, np.array(gradient), np.arange(count), samples, settings)


def smooth(x: np.ndarray) -> float:
    """Its gradient at zero is (1, −2)."""
    return float(math.sin(x[0]) - 2.0 * x[1] + 3.0 * x[1] ** 2)


def test_a_right_gradient_holds() -> None:
    result = compared(smooth, [1.0, -2.0])
    assert (result.compared, result.switches) == (2, 0)
    assert result.error < SETTINGS.tolerances.gradient_error
    assert result.cosine == pytest.approx(1.0)
    assert result.norm == pytest.approx(math.sqrt(5.0))
    assert result.matters
    assert result.holds


@pytest.mark.parametrize("gradient", [[1.001, -2.0], [-1.0, 2.0], [1.0, 0.0], [0.0, 0.0]], ids=str)
def test_a_wrong_gradient_does_not(gradient: list[float]) -> None:
    assert not compared(smooth, gradient).holds


def test_neither_does_one_that_is_not_finite() -> None:
    result = compared(smooth, [math.nan, -2.0])
    assert not result.finite
    assert not result.holds


@pytest.mark.parametrize("place", [0.0, 0.3 * STEP, -0.8 * STEP])
@pytest.mark.parametrize("kind", ["kink", "jump"])
def test_a_number_next_to_a_switch_is_counted_and_not_compared(kind: str, place: float) -> None:
    def switching(x: np.ndarray) -> float:
        beyond = max(x[0] - place, 0.0) if kind == "kink" else float(x[0] > place)
        return smooth(x) + 0.5 * beyond

    result = compared(switching, [1.0, -2.0])
    assert (result.compared, result.switches) == (1, 1)
    assert result.holds


def test_a_switch_out_of_reach_does_not_matter() -> None:
    result = compared(lambda x: smooth(x) + max(x[0] - 3.0 * STEP, 0.0), [1.0, -2.0])
    assert result.switches == 0
    assert result.holds


def test_numbers_without_effect_are_told_and_a_gradient_that_is_not_zero_is_missed() -> None:
    without = compared(lambda x: 1.0, [0.0, 0.0])
    assert not without.matters
    assert without.holds
    wrong = compared(lambda x: 1.0, [0.0, 0.01])
    assert wrong.matters
    assert not wrong.holds


def test_no_tolerance_is_too_tight_to_be_missed() -> None:
    settings = replace(CheckSettings(), {"tolerances.gradient_error": 1e-13})
    assert not compared(smooth, [1.0, -2.0 + 1e-9], settings).holds


def test_the_largest_derivatives_are_compared_and_some_others() -> None:
    kinds = np.array(["a"] * 100 + ["b"] * 3)
    gradient = np.arange(103.0)
    gradient[7] = np.nan
    chosen = choose(kinds, gradient, 8, np.random.default_rng(0))
    of_a = chosen[kinds[chosen] == "a"]
    assert len(of_a) == len(set(of_a)) == 8
    assert {7, 97, 98, 99} <= set(of_a)
    assert set(chosen[kinds[chosen] == "b"]) == {100, 101, 102}


@pytest.mark.usefixtures("float64")
def test_the_gradient_of_a_ball_that_is_pushed_along_the_ground_holds() -> None:
    sensors = {
        "speed": SensorConfig(type="velocity", body="ball"),
        "clock": SensorConfig(type="sine", frequency=2.0),
    }
    robot = replace(
        ball_robot(axis=[1.0, 0.0, 0.2], mass=2.0, friction=0.01, restitution=0.5),
        {"thrusters.push.limit": 20.0, "sensors": sensors},
    )
    config = CheckConfig(robot=robot, check=CheckSettings(components=4))
    trials = Trials(config, observe)
    world, _ = trials.build(robot)
    results = {result.kind: result for result in check_gradients(trials, world)}
    assert all(result.holds for result in results.values()), results
    for kind in ("body.radius", "robot.friction", "robot.restitution", "simulation.gravity"):
        assert results[kind].matters, kind
    # Offset and amplitude of the thruster's sine, and one weight for each of four readings.
    assert (results[CONTROLLER].numbers, results[CONTROLLER].compared) == (6, 4)
    assert results["sensor.frequency"].matters
    assert not results["thruster.limit"].matters
