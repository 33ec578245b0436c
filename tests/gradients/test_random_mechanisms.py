"""Ten thousand random mechanisms over the ground move with finite states and gradients.

Two spheres hang on each other and on the world by joints of any type. Axes, heights and arms are
often degenerate: contacts touch exactly, overlap or are apart, can move, hardly or not at all. Over
fifty steps some derivatives grow beyond the range of float32; one of 64 was 1e46. So gradients are
in float64.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.robots.config import BodyConfig, JointConfig, RobotConfig
from tests.worlds import build, last, simulate

STEPS = 50
TIMESTEP = 0.01
RADIUS = 0.1
FREEDOMS = {"slider": 1, "hinge": 1, "universal": 2, "ball": 3, "fixed": 0, "free": 0}
BASES = (*FREEDOMS,)
ARMS = ("slider", "hinge", "universal", "ball")
PAIRS = [(base, arm) for base in BASES for arm in ARMS]
MANY, FEW = 420, 64  # of 24 pairs of joints: 10,080

AXES = np.concatenate([np.eye(3), [[1.0, 0.0, 1.0], [0.3, -0.5, 0.8]]])
SECOND_AXES = np.array([[0.0, 1.0, 0.0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [0.5, 0.3, 0.0]])
HEIGHTS = (RADIUS, RADIUS - 0.01, RADIUS + 1e-9, 0.3)
ARM_LENGTHS = (0.0, 0.15, 2.0 * RADIUS, 0.35)


def draw(count: int, base: str, arm: str) -> dict[str, Any]:
    """Numbers of so many mechanisms, with a leading axis."""
    rng = np.random.default_rng([BASES.index(base), ARMS.index(arm)])

    def some(values: Any) -> np.ndarray:
        values = np.asarray(values, float)
        return values[rng.integers(len(values), size=count)]

    def mostly_zero(*shape: int, scale: float = 1.0) -> np.ndarray:
        size = (count, *shape)
        return np.where(rng.random(size) < 0.5, 0.0, scale * rng.normal(size=size))

    which = rng.integers(len(AXES), size=(2, count))
    return {
        "base_axis": AXES[which[0]],
        "base_second": SECOND_AXES[which[0]],
        "arm_axis": AXES[which[1]],
        "arm_second": SECOND_AXES[which[1]],
        "height": some(HEIGHTS),
        "base_arm": some(ARM_LENGTHS)[:, None] * some([[0, 0, 1], [0, 0, -1], [1, 0, 0]]),
        "arm": some(ARM_LENGTHS)[:, None] * some([[0, 0, 1], [0, 0, -1], [1, 0, 0]]),
        "base_start": mostly_zero(FREEDOMS[base], scale=0.3),
        "base_rate": mostly_zero(FREEDOMS[base], scale=2.0),
        "arm_start": mostly_zero(FREEDOMS[arm], scale=0.3),
        "arm_rate": mostly_zero(FREEDOMS[arm], scale=2.0),
        "velocity": mostly_zero(3),
        "masses": 10.0 ** rng.uniform(-2.0, 2.0, (count, 2)),
        "friction": some([0.0, 0.5, 2.0]),
        "restitution": some([0.0, 0.5, 1.0]),
        "frequency": some([10.0, 30.0, np.inf]),
    }


def mechanism(base: str, arm: str, n: dict[str, Any]) -> RobotConfig:
    """The robot of some numbers, which may be traced."""

    def body(number: int, **options: Any) -> BodyConfig:
        return BodyConfig(shape="sphere", radius=RADIUS, mass=n["masses"][number], **options)

    def coordinates(values: jax.Array) -> list[jax.Array] | None:
        return [*values] or None

    joints = {
        "arm": JointConfig(
            type=arm,
            parent="first",
            child="second",
            axis=[*n["arm_axis"]],
            second_axis=[*n["arm_second"]],
            child_offset=[*n["arm"]],
            position=coordinates(n["arm_start"]),
            velocity=coordinates(n["arm_rate"]),
        )
    }
    zero = jnp.zeros(())
    if base == "free":
        place = [zero, zero, n["height"]]
        first = body(0, position=place, velocity=[*n["velocity"]])
    else:
        first = body(0)
        joints["base"] = JointConfig(
            type=base,
            parent="world",
            child="first",
            axis=[*n["base_axis"]],
            second_axis=[*n["base_second"]],
            parent_offset=[zero, zero, n["height"] + n["base_arm"][2]],
            child_offset=[*n["base_arm"]],
            position=coordinates(n["base_start"]),
            velocity=coordinates(n["base_rate"]),
        )
    return RobotConfig(
        name="mechanism",
        bodies={"first": first, "second": body(1)},
        joints=joints,
        friction=n["friction"],
        restitution=n["restitution"],
        contact_frequency=n["frequency"],
        contact_pairs=[["second", "first"]],
    )


def not_finite(base: str, arm: str, count: int) -> dict[str, int]:
    """Count the mechanisms with a state or a derivative that is not finite, by its name."""
    numbers = jax.tree.map(jnp.asarray, draw(count, base, arm))
    frequency = numbers.pop("frequency")  # an infinite one has no derivative

    def end(numbers: dict[str, Any], frequency: jax.Array) -> Any:
        robot = mechanism(base, arm, {**numbers, "frequency": frequency})
        state = last(simulate(*build(robot, timestep=TIMESTEP), steps=STEPS))
        motion = (state.pose.position, state.twist.linear, state.twist.angular)
        return sum(jnp.sum(jnp.tanh(leaf)) for leaf in jax.tree.leaves(motion)), state

    run = jax.jit(jax.vmap(jax.value_and_grad(end, has_aux=True)))
    (_, state), gradient = run(numbers, frequency)
    found = {"state": state, **gradient}
    counts = {}
    for name, part in found.items():
        leaves = [np.asarray(leaf).reshape(count, -1) for leaf in jax.tree.leaves(part)]
        numbers_of_each = np.concatenate(leaves, axis=1)
        counts[name] = int(np.sum(~np.all(np.isfinite(numbers_of_each), axis=1)))
    return {name: number for name, number in counts.items() if number}


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("base", "arm"), [("slider", "hinge")])
def test_random_mechanisms_are_finite(base: str, arm: str) -> None:
    assert not_finite(base, arm, FEW) == {}


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("base", "arm"), PAIRS)
def test_ten_thousand_random_mechanisms_are_finite(base: str, arm: str) -> None:
    assert not_finite(base, arm, MANY) == {}
