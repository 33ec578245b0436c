"""Bodies on bodies: unequal masses in a stack, and impacts that cause impacts."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.world.world import State, World
from tests.worlds import (
    GRAVITY,
    RADIUS,
    RIGID,
    WEIGHTLESS,
    build,
    simulate,
    spheres_robot,
    with_contact_impulse,
    with_motion,
)

pytestmark = pytest.mark.usefixtures("float64")

TIMESTEP = 0.01
TOP = 3.0 * RADIUS
ROUND_OFF = 1e-9


def stack(ratio: float, frequency: float, **options: Any) -> Any:
    """World and state of a ball of so many kilogrammes at rest on one of 1 kg on the ground."""
    bodies = {
        "low": {"position": [0.0, 0.0, RADIUS], "mass": 1.0},
        "high": {"position": [0.0, 0.0, TOP], "mass": ratio},
    }
    robot = spheres_robot(bodies, [("high", "low")], contact_frequency=frequency, **options)
    return build(robot, timestep=TIMESTEP)


@pytest.mark.parametrize("frequency", [30.0, 200.0, RIGID])
@pytest.mark.parametrize("ratio", [1.0, 10.0, 100.0, 1000.0])
def test_a_heavy_ball_on_a_light_one_never_rises(ratio: float, frequency: float) -> None:
    """Depth that the sweeps leave unsolved comes back without velocity."""
    states = simulate(*stack(ratio, frequency), steps=1000)
    assert float(jnp.max(states.pose.position.z[:, 1])) < TOP + ROUND_OFF
    energy = (
        np.asarray(states.twist.linear.z) ** 2 / 2.0 + GRAVITY * np.asarray(states.pose.position.z)
    ) @ np.array([1.0, ratio])
    assert energy.max() < GRAVITY * (RADIUS + TOP * ratio) * (1.0 + ROUND_OFF)


@pytest.mark.parametrize("ratio", [1.0, 10.0, 100.0])
def test_a_rigid_stack_comes_back_to_its_height(ratio: float) -> None:
    states = simulate(*stack(ratio, RIGID), steps=1000)
    np.testing.assert_allclose(states.pose.position.z[-1], [RADIUS, TOP], atol=1e-5)


def test_what_overlaps_at_the_start_is_moved_apart_without_velocity() -> None:
    world, state = stack(1.0, RIGID)
    deep = with_motion(state, position=state.pose.position._replace(z=jnp.array([0.08, 0.25])))
    states = simulate(world, deep, steps=300)
    assert float(jnp.max(states.twist.linear.z)) < 1e-6
    np.testing.assert_allclose(states.pose.position.z[-1], [RADIUS, TOP], atol=1e-6)


def _after(numbers: jax.Array, world: World, state: State) -> jax.Array:
    """Height and speed after five steps from a height, a speed and an impulse."""
    height, speed, impulse = numbers
    start = with_contact_impulse(state, impulse[None])
    start = with_motion(
        start,
        position=state.pose.position._replace(z=height[None]),
        velocity=state.twist.linear._replace(z=speed[None]),
    )
    end = simulate(world, start, steps=5)
    return jnp.stack([end.pose.position.z[-1, 0], end.twist.linear.z[-1, 0]])


_gradient_after = jax.jit(jax.jacrev(_after))
_after_many = jax.jit(jax.vmap(_after, in_axes=(0, None, None)))


@pytest.mark.parametrize("frequency", [30.0, 200.0, RIGID])
@pytest.mark.parametrize("depth", [0.5, 1.0, 1.05, 1.5, 4.0])
def test_gradients_of_a_contact_that_is_too_deep_agree(frequency: float, depth: float) -> None:
    """Reverse mode and central differences, on all sides of where depth is accounted for."""
    robot = spheres_robot({"ball": {"mass": 1.0}}, contact_frequency=frequency)
    world, state = build(robot, timestep=TIMESTEP)
    weight = GRAVITY * TIMESTEP
    sinking = 1e-3 if frequency == RIGID else GRAVITY / (2.0 * np.pi * frequency) ** 2

    point = jnp.array([RADIUS - depth * sinking, -1e-3, weight])
    steps = np.array([1e-9, 1e-7, 1e-7])
    gradient = _gradient_after(point, world, state)
    sides = _after_many(point + jnp.concatenate([np.diag(steps), -np.diag(steps)]), world, state)
    differences = (sides[:3] - sides[3:]).T / (2.0 * steps)
    np.testing.assert_allclose(gradient, differences, rtol=1e-5, atol=1e-5)


def row_of_balls(gap: float, timestep: float) -> State:
    """Three equal balls in a row without loss; the first comes with 2 m/s."""
    side = 2.0 * RADIUS + gap
    bodies = {
        "first": {"position": [-3.0 * RADIUS, 0.0, 0.0], "velocity": [2.0, 0.0, 0.0]},
        "second": {},
        "third": {"position": [side, 0.0, 0.0]},
    }
    robot = spheres_robot(
        bodies,
        [("second", "first"), ("third", "second")],
        mass=1.0,
        restitution=1.0,
        ground_contact=False,
    )
    world, state = build(robot, WEIGHTLESS, timestep)
    return simulate(world, state, steps=round(0.5 / timestep))


@pytest.mark.parametrize("timestep", [0.01, 0.001])
@pytest.mark.parametrize("gap", [0.0, 1e-9, 1e-3])
def test_an_impact_goes_through_a_row_of_balls(gap: float, timestep: float) -> None:
    """The last one leaves with all of the first one's velocity, the others rest."""
    velocities = row_of_balls(gap, timestep).twist.linear.x[-1]
    np.testing.assert_allclose(velocities, [0.0, 0.0, 2.0], atol=ROUND_OFF)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("timestep", [0.01, 0.001])
def test_a_light_ball_is_thrown_up_by_a_heavy_one(precision: str, timestep: float) -> None:
    """Both fall by 1 m; the heavy one turns round first: (3 M − m) / (M + m) times the speed."""
    bodies = {
        "heavy": {"position": [0.0, 0.0, RADIUS + 1.0], "mass": 100.0},
        "light": {"position": [0.0, 0.0, TOP + 1.0], "mass": 1.0},
    }
    with jax.enable_x64(precision == "float64"):
        robot = spheres_robot(bodies, [("light", "heavy")], restitution=1.0)
        states = simulate(*build(robot, timestep=timestep), steps=round(0.6 / timestep))
    expected = 299.0 / 101.0 * np.sqrt(2.0 * GRAVITY)
    found = float(jnp.max(states.twist.linear.z[:, 1]))
    assert found == pytest.approx(expected, abs=1.5 * GRAVITY * timestep)


@pytest.mark.parametrize("restitution", [0.3, 0.7, 1.0])
def test_a_stack_that_could_rebound_is_quiet(restitution: float) -> None:
    states = simulate(*stack(1.0, RIGID, restitution=restitution), steps=500)
    assert float(jnp.abs(states.twist.linear.z[-100:]).max()) < 1e-3
    np.testing.assert_allclose(states.pose.position.z[-1], [RADIUS, TOP], atol=1e-4)
