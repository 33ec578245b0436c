"""Sums of products against NumPy's einsum, in every form they are lowered to, and their rules."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from diffsim.math.contraction import MOST_TERMS_OF_MANY, contract
from diffsim.math.outlining import FEW

SIZES = {"i": 2, "j": 3, "k": 4}
CASES = ("ik,kj->ij", "ki,kj->ij", "ik,jk->ij", "ik,k->i", "i,j->ij", "k,k->", "ik,kj->ji")


def operands(letters: str, *behind: int) -> tuple[jax.Array, jax.Array]:
    random = np.random.default_rng(0)
    left, right = letters.split("->")[0].split(",")
    a, b = ([SIZES[letter] for letter in own] for own in (left, right))
    return jnp.asarray(random.normal(size=(*a, *behind))), jnp.asarray(
        random.normal(size=(*b, *behind))
    )


def by_numpy(letters: str, a: jax.Array, b: jax.Array) -> np.ndarray:
    left, right, out = letters.replace("->", ",").split(",")
    found: np.ndarray = np.einsum(f"{left}...,{right}...->{out}...", a, b)
    return found


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("behind", [(), (2,), (FEW, 3)])
@pytest.mark.parametrize("letters", CASES)
def test_it_is_the_sum_of_products(letters: str, behind: tuple[int, ...]) -> None:
    a, b = operands(letters, *behind)
    for function in (contract, jax.jit(contract, static_argnums=0)):
        np.testing.assert_allclose(function(letters, a, b), by_numpy(letters, a, b), atol=1e-14)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("behind", [(2,), (FEW, 3)])
@pytest.mark.parametrize("letters", CASES)
def test_its_derivatives_are_those_of_differences(letters: str, behind: tuple[int, ...]) -> None:
    check_grads(partial(contract, letters), operands(letters, *behind), order=2)


@pytest.mark.usefixtures("float64")
def test_an_operand_may_be_shared_by_what_goes_along() -> None:
    a, b = operands("ik,kj->ij", 2, 5)
    shared = a[:, :, :, :1]
    expected = by_numpy("ik,kj->ij", np.broadcast_to(shared, a.shape), b)
    np.testing.assert_allclose(contract("ik,kj->ij", shared, b), expected, atol=1e-14)
    check_grads(partial(contract, "ik,kj->ij"), (shared, b), order=1)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("axes", [(0, 0), (None, 0), (1, None)])
def test_it_can_be_mapped(axes: tuple[int | None, int | None]) -> None:
    a, b = operands("ik,kj->ij", 2)
    copies = [
        values if axis is None else jnp.stack([values, 2.0 * values, -values], axis)
        for values, axis in zip((a, b), axes, strict=True)
    ]
    found = jax.vmap(partial(contract, "ik,kj->ij"), in_axes=axes)(*copies)
    for lane, factor in enumerate((1.0, 2.0, -1.0)):
        times = factor ** sum(axis is not None for axis in axes)
        np.testing.assert_allclose(found[lane], times * by_numpy("ik,kj->ij", a, b), atol=1e-13)


def test_on_a_gpu_it_is_one_sum() -> None:
    """A loop would launch a kernel for each of its terms."""
    a, b = operands("ik,kj->ij", FEW, 3)
    exported = jax.export.export(jax.jit(partial(contract, "ik,kj->ij")), platforms=["cuda"])(a, b)
    assert "while" not in exported.mlir_module()
    assert "reduce" in exported.mlir_module()


@pytest.mark.parametrize("robots", [1, FEW + 1])
def test_for_many_robots_it_is_a_call_that_stays_one(robots: int) -> None:
    """No factor of a chain of products is computed anew for every entry that reads it."""
    a, b = operands("ik,jk->ij", robots)
    compiled = jax.jit(partial(contract, "ik,jk->ij")).lower(a, b).compile()
    assert compiled.as_text().count('inlineable="false"') == (robots > FEW)


@pytest.mark.parametrize("size", [12, MOST_TERMS_OF_MANY])
def test_a_loop_that_is_one_kernel_may_hold_it(size: int) -> None:
    """XLA would share a call of many terms among threads, which it cannot do in a kernel."""
    a = jnp.linspace(-0.1, 0.1, size * size * 64).reshape(size, size, 64)

    @jax.jit
    def power(a: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, 3, lambda _, b: contract("ik,kj->ij", a, b), a)

    expected = np.einsum("ikn,kln,lmn,mjn->ijn", a, a, a, a, optimize=True)
    np.testing.assert_allclose(power(a), expected, atol=1e-6)


@pytest.mark.parametrize(("robots", "terms"), [(1, 30), (FEW + 1, MOST_TERMS_OF_MANY + 1)])
def test_a_long_sum_is_a_loop(robots: int, terms: int) -> None:
    """Chains of thirty terms, written out, would be fused into each other without end."""
    a = jnp.ones((terms, terms, robots))
    lowered = jax.jit(partial(contract, "ik,kj->ij")).lower(a, a).as_text()
    assert "while" in lowered
