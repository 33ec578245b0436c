"""What has come to rest stays quiet."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.world.world import State, World, idle_control
from tests.gradients.compare import Scene, reverse
from tests.worlds import (
    GRAVITY,
    RADIUS,
    RIGID,
    ball_robot,
    build,
    last,
    simulate,
    spheres_robot,
    with_contact_impulse,
    with_motion,
)

TIMESTEP = 2e-3
STEPS = 5000
SETTLING = 2500  # 5 s; with restitution 0.9 the bounces end after 3.8 s
# The bound on a resting ball [m/s].
QUIET = 1e-4
# Penetration is measured as a difference from 0.1 m in float64, after 1 s at 10 Hz or more.
SINKING_TOLERANCE = 1e-6
# The stack's heights: two contacts, 10 s, and penetrations of 0.5 mm in float32 [m].
STACK_TOLERANCE = 1e-6
# Ten sweeps leave a thousandth of the landing's 3 m/s, over one step [m].
LANDING_TOLERANCE = 1e-4


def sinking(frequency: float) -> float:
    """Depth at which a soft contact carries what moves with it: g / (2πf)²."""
    return GRAVITY / (2.0 * np.pi * frequency) ** 2


@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize("restitution", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("frequency", [30.0, RIGID])
def test_a_dropped_ball_comes_to_rest_and_stays_quiet(frequency: float, restitution: float) -> None:
    robot = ball_robot(
        axis=[1.0, 0.0, 0.0],
        position=[0.0, 0.0, RADIUS + 0.2],
        restitution=restitution,
        contact_frequency=frequency,
    )
    world, state = build(robot, timestep=TIMESTEP)
    states = simulate(world, state, jnp.zeros_like(world.thrusters.limit), steps=STEPS)
    for component in (*states.twist.linear, *states.twist.angular):
        assert float(jnp.abs(component[SETTLING:]).max()) < QUIET

    resting = Scene(world, last(states), idle_control(world))
    gradient = reverse(resting, jax.tree.map(jnp.ones_like, resting.state))
    if frequency == RIGID:  # its derivative for the timestep: see tests/gradients
        zero = jnp.zeros_like(world.timestep)
        gradient = gradient._replace(world=dataclasses.replace(gradient.world, timestep=zero))
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("mass", [1.0, 100.0])
@pytest.mark.parametrize("frequency", [10.0, 30.0, 100.0])
def test_a_soft_contact_sinks_in_as_its_frequency_says(frequency: float, mass: float) -> None:
    robot = ball_robot(position=[0.0, 0.0, RADIUS], mass=mass, contact_frequency=frequency)
    states = simulate(*build(robot, timestep=TIMESTEP), steps=2000)
    depth = RADIUS - float(states.pose.position.z[-1, 0])
    assert depth == pytest.approx(sinking(frequency), rel=SINKING_TOLERANCE)


def stack(frequency: float, height: float = 3.0 * RADIUS) -> tuple[World, State]:
    """Two spheres, one above the other."""
    robot = spheres_robot(
        {"low": {"position": [0.0, 0.0, RADIUS]}, "high": {"position": [0.0, 0.0, height]}},
        [("high", "low")],
        contact_frequency=frequency,
    )
    return build(robot, timestep=TIMESTEP)


@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize("frequency", [30.0, RIGID])
def test_a_stack_of_two_spheres_stays(frequency: float) -> None:
    """The lower contact carries two weights, the upper one with half the effective mass."""
    states = simulate(*stack(frequency), steps=STEPS)
    depth = 2.0 * sinking(frequency)
    heights = np.asarray(states.pose.position.z[SETTLING:])
    np.testing.assert_allclose(heights[:, 0], RADIUS - depth, atol=STACK_TOLERANCE)
    np.testing.assert_allclose(heights[:, 1], 3.0 * RADIUS - 2.0 * depth, atol=STACK_TOLERANCE)
    for sideways in (states.pose.position.x, states.pose.position.y):
        np.testing.assert_allclose(sideways, 0.0, atol=STACK_TOLERANCE)
    assert float(jnp.abs(states.twist.linear.stack()[SETTLING:]).max()) < QUIET


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("frequency", [30.0, RIGID])
def test_a_stack_answers_a_nanometre_with_nanometres(frequency: float) -> None:
    """Round-off must not decide when the upper sphere meets the lower one."""
    world, state = stack(frequency)
    weight = GRAVITY * world.bodies.mass[0] * TIMESTEP
    pressed = with_contact_impulse(state, weight * jnp.array([2.0, 0.0, 1.0]))
    depth = 2.0 * sinking(frequency)
    heights = state.pose.position.z - depth * jnp.array([1.0, 2.0])

    def heights_after(shift: jax.Array) -> jax.Array:
        start = with_motion(
            pressed,
            position=state.pose.position._replace(z=heights.at[1].add(shift)),
            velocity=state.twist.linear._replace(z=jnp.array([0.0, -1e-7])),
        )
        return simulate(world, start, steps=1).pose.position.z[-1]

    shifts = jnp.linspace(-1e-9, 1e-9, 65)
    after = jax.jit(jax.vmap(heights_after))(shifts)
    assert float(jnp.abs(after - after[0]).max()) < 1e-8


@pytest.mark.usefixtures("float64")
def test_a_ball_on_the_ground_stays_down_when_another_lands_on_it() -> None:
    states = simulate(*stack(RIGID, height=0.8), steps=STEPS)
    rise = float(jnp.max(states.pose.position.z[:, 0])) - RADIUS
    assert rise < LANDING_TOLERANCE
