"""Reading and adding by index, their derivatives, and that none of it is a scatter."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from diffsim.math.indexing import MANY, WORLD, collect, gather, scatter_add
from diffsim.simulate.step import step
from diffsim.world.world import State, World, idle_control
from tests.worlds import SOLVER, build, pile_robot

# Sums of a few float32 numbers of order one.
TOLERANCE = 1e-6

BODIES = 5
INDICES = {
    "in order": (0, 1, 2, 3, 4),
    "permuted": (3, 1, 4, 0, 2),
    "some": (4, 2),
    "repeated": (1, 1, 3, 1),
    "with the world": (0, WORLD, 2, WORLD),
    "repeated, with the world": (2, WORLD, 2, 2, 0, 0),
    "the world alone": (WORLD, WORLD, WORLD),
    "none": (),
}

by_index = pytest.mark.parametrize("index", INDICES.values(), ids=INDICES.keys())


def gather_matrix(index: tuple[int, ...]) -> np.ndarray:
    """The linear map of ``gather``; its transpose is that of ``scatter_add``."""
    matrix = np.zeros((len(index), BODIES), np.float32)
    for row, body in enumerate(index):
        if body != WORLD:
            matrix[row, body] = 1.0
    return matrix


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@by_index
def test_gather_reads_the_bodies_and_zero_for_the_world(index: tuple[int, ...]) -> None:
    values = random(BODIES, 3)
    np.testing.assert_array_equal(gather(values, index), gather_matrix(index) @ values)


@by_index
def test_scatter_add_accumulates_and_loses_what_goes_to_the_world(index: tuple[int, ...]) -> None:
    values, update = random(BODIES, 3), random(len(index), 3)
    expected = values + gather_matrix(index).T @ update
    np.testing.assert_allclose(scatter_add(values, index, update), expected, atol=TOLERANCE)


@by_index
@pytest.mark.parametrize("jacobian", [jax.jacfwd, jax.jacrev])
def test_their_derivatives_are_the_matrices(index: tuple[int, ...], jacobian: object) -> None:
    values, update = jnp.asarray(random(BODIES)), jnp.asarray(random(len(index)))
    matrix = gather_matrix(index)
    by_values = jacobian(lambda v: gather(v, index))(values)
    by_update = jacobian(lambda u: scatter_add(values, index, u))(update)
    np.testing.assert_array_equal(by_values, matrix)
    np.testing.assert_array_equal(by_update, matrix.T)
    both = jacobian(lambda v: scatter_add(v, index, update))(values)
    np.testing.assert_array_equal(both, np.eye(BODIES))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("behind", [2, MANY])
def test_one_entry_for_all_and_the_sum_of_all_are_each_other_transposed(behind: int) -> None:
    values, index, axis = jnp.asarray(random(2, 1, behind)), (0, 0, 0), 1
    np.testing.assert_array_equal(gather(values, index, axis), jnp.repeat(values, 3, axis))
    update = jnp.asarray(random(2, 3, behind))
    total = collect(update, index, 1, axis)
    np.testing.assert_allclose(total, jnp.sum(update, axis, keepdims=True), atol=TOLERANCE)
    check_grads(lambda v: gather(v, index, axis) ** 2, (values,), order=1)
    check_grads(lambda u: collect(u, index, 1, axis) ** 2, (update,), order=1)


@by_index
def test_second_derivatives_pass_through(index: tuple[int, ...]) -> None:
    values = jnp.asarray(random(BODIES))
    hessian = jax.hessian(lambda v: jnp.sum(gather(v, index) ** 2))(values)
    matrix = gather_matrix(index)
    np.testing.assert_allclose(hessian, 2.0 * matrix.T @ matrix, atol=TOLERANCE)


@by_index
@pytest.mark.parametrize("axis", [0, 1])
def test_vmap_batches_over_any_axis(index: tuple[int, ...], axis: int) -> None:
    values, update = random(4, BODIES), random(4, len(index))
    expected = values + update @ gather_matrix(index)
    read = jax.vmap(lambda v: gather(v, index), axis)(np.moveaxis(values, 0, axis))
    np.testing.assert_array_equal(read, values @ gather_matrix(index).T)
    added = jax.vmap(lambda v, u: scatter_add(v, index, u), axis)(
        np.moveaxis(values, 0, axis), np.moveaxis(update, 0, axis)
    )
    np.testing.assert_allclose(added, expected, atol=TOLERANCE)


def test_the_gradient_of_a_step_of_several_bodies_has_no_scatter() -> None:
    """As it is handed to XLA, which may expand a scatter into loops but never makes one."""
    world, state = build(pile_robot())

    def loss(world: World, state: State) -> jax.Array:
        after = step(world, SOLVER, state, idle_control(world))
        return sum(jnp.sum(leaf) for leaf in jax.tree.leaves(after))

    def plain_indexing(world: World, state: State) -> jax.Array:
        return jnp.sum(state.pose.position.x[jnp.array([2, 2, 0])])

    def operations(function: object) -> str:
        return jax.jit(jax.grad(function, argnums=(0, 1))).lower(world, state).as_text()

    assert "stablehlo.scatter" in operations(plain_indexing), "a scatter goes by another name"
    assert "stablehlo.scatter" not in operations(loss)
