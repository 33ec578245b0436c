"""Trees in one vector."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.math.packing import Packing

TREE = {
    "scalar": jnp.asarray(3.0),
    "matrix": jnp.arange(6.0).reshape(2, 3),
    "count": jnp.asarray([1, 2]),
    "key": jax.random.key(7),
    "nothing": (),
}


def test_a_tree_comes_back_as_it_was() -> None:
    packing = Packing(TREE)
    packed = packing.pack(TREE)
    assert packed.numbers.shape == (7,)
    found = packing.unpack(packed)
    assert jax.tree.structure(found) == jax.tree.structure(TREE)
    for name in ("scalar", "matrix", "count"):
        np.testing.assert_array_equal(found[name], TREE[name])
        assert found[name].dtype == TREE[name].dtype
    assert found["key"] == TREE["key"]


def test_a_tree_without_numbers_has_an_empty_vector() -> None:
    packing = Packing((jnp.asarray(1), None))
    packed = packing.pack((jnp.asarray(1), None))
    assert packed.numbers.shape == (0,)
    assert packing.unpack(packed) == (1, None)


def test_derivatives_go_through() -> None:
    numbers = {name: TREE[name] for name in ("scalar", "matrix")}
    packing = Packing(numbers)

    def loss(tree: dict[str, jax.Array]) -> jax.Array:
        back = packing.unpack(packing.pack(tree))
        return back["scalar"] * jnp.sum(back["matrix"] ** 2)

    found = jax.grad(loss)(numbers)
    np.testing.assert_allclose(found["scalar"], 55.0)
    np.testing.assert_allclose(found["matrix"], 6.0 * TREE["matrix"])


def test_last_axes_that_all_have_stay() -> None:
    tree = (jnp.arange(12.0).reshape(2, 3, 2), jnp.asarray([[7.0, 8.0]]))
    packing = Packing(tree, behind=1)
    packed = packing.pack(tree)
    assert packed.numbers.shape == (7, 2)
    np.testing.assert_array_equal(packed.numbers[-1], [7.0, 8.0])
    for found, leaf in zip(packing.unpack(packed), tree, strict=True):
        np.testing.assert_array_equal(found, leaf)
