"""Sweeps: how many are needed, and what they project on."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.constraints.contact import project_on_box, project_on_cone
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.world.world import State
from tests.worlds import RADIUS, ball_robot, build, pile_robot, simulate, with_motion

# The rows of a single sphere on the ground do not see each other: one sweep solves them.
SINGLE_BALL_TOLERANCE = 1e-12
# What four times as many sweeps divide the error by, at least.
CONVERGENCE = 4.0


def bouncing_ball(iterations: int, warm_start: bool) -> State:
    robot = ball_robot(
        position=[0.0, 0.0, RADIUS + 0.02],
        velocity=[2.0, 1.0, -1.0],
        angular_velocity=[3.0, -2.0, 1.0],
        friction=0.3,
        restitution=0.4,
    )
    solver = ProjectedGaussSeidel(iterations, warm_start=warm_start)
    return simulate(*build(robot), steps=300, solver=solver)


@pytest.mark.usefixtures("float64")
def test_sweeps_and_warm_start_make_no_difference_to_a_single_ball() -> None:
    reference = bouncing_ball(iterations=50, warm_start=True)
    assert float(reference.impulses.contact.normal[-1, 0]) > 0.0
    for iterations, warm_start in ((2, True), (50, False), (2, False)):
        other = bouncing_ball(iterations, warm_start)
        for a, b in zip(reference.pose.position, other.pose.position, strict=True):
            np.testing.assert_allclose(a, b, atol=SINGLE_BALL_TOLERANCE)
        for a, b in zip(reference.twist.linear, other.twist.linear, strict=True):
            np.testing.assert_allclose(a, b, atol=SINGLE_BALL_TOLERANCE)


def first_step(iterations: int) -> np.ndarray:
    """Velocities of the pile after its first step, without impulses from before."""
    world, state = build(pile_robot(friction=0.3), timestep=1e-2)
    state = with_motion(state, velocity=state.twist.linear._replace(z=jnp.array([0.0, 0.0, -1.0])))
    after = simulate(world, state, steps=1, solver=ProjectedGaussSeidel(iterations))
    return np.asarray(after.twist.linear.stack()[-1])


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
def test_more_sweeps_solve_a_pile_better() -> None:
    exact = first_step(500)
    few, more = (float(np.abs(first_step(sweeps) - exact).max()) for sweeps in (3, 12))
    assert few > 1e-3, "nothing to solve"
    assert more * CONVERGENCE < few


def test_the_cone_is_the_disc_and_the_box_is_the_square() -> None:
    first, second = np.random.default_rng(0).normal(size=(2, 1000)).astype(np.float32)
    radius = np.float32(0.8)
    size = np.hypot(first, second)
    scale = np.minimum(1.0, radius / size)
    np.testing.assert_allclose(
        project_on_cone(first, second, radius), (first * scale, second * scale), rtol=1e-5
    )
    np.testing.assert_array_equal(
        project_on_box(first, second, radius),
        (np.clip(first, -radius, radius), np.clip(second, -radius, radius)),
    )


def test_nothing_is_left_on_a_cone_without_a_radius() -> None:
    zero = jnp.zeros(2)
    tangents = jnp.array([0.0, 3.0]), jnp.array([0.0, 4.0])
    np.testing.assert_array_equal(project_on_cone(*tangents, zero), (zero, zero))


@pytest.mark.parametrize("iterations", [0, -3])
def test_there_is_at_least_one_sweep(iterations: int) -> None:
    with pytest.raises(ValueError, match=f"iterations must be at least 1, got {iterations}"):
        ProjectedGaussSeidel(iterations)


def test_an_unknown_law_of_friction_is_refused() -> None:
    with pytest.raises(ValueError, match=r"friction must be one of .*cone.*box.*, got 'pyramid'"):
        ProjectedGaussSeidel(friction="pyramid")
