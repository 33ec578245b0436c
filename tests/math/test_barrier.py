"""A barrier changes no value and no derivative, and stays in what is compiled for many robots."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.math.barrier import barrier
from diffsim.math.outlining import FEW

MANY = jnp.linspace(0.1, 1.0, 3 * (FEW + 1)).reshape(3, -1)
"""Arrays (bodies, robots), of more robots than a barrier is for."""


def behind_a_barrier(x: jax.Array, y: jax.Array) -> jax.Array:
    a, b = barrier((jnp.sin(x), x * y))
    return jnp.sum(a * b + b**2)


def without(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.sum(jnp.sin(x) * (x * y) + (x * y) ** 2)


def test_values_and_derivatives_are_those_without_it() -> None:
    y = jnp.cos(MANY)
    for transformed in (
        lambda f: f,
        lambda f: jax.grad(f, argnums=(0, 1)),
        lambda f: jax.grad(f),  # with respect to some of what goes through it
        lambda f: lambda x, y: jax.jvp(lambda y: f(x, y), (y,), (x,))[1],
        lambda f: jax.hessian(lambda x, y: f(x, y), argnums=1),
        lambda f: jax.vmap(f),
    ):
        found = jax.jit(transformed(behind_a_barrier))(MANY, y)
        expected = transformed(without)(MANY, y)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), found, expected)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="for the CPU alone")
@pytest.mark.parametrize(
    ("robots", "few", "calls"), [(FEW, False, 0), (FEW, True, 1), (FEW + 1, False, 1)]
)
def test_it_is_a_call_in_the_program_of_many_robots(robots: int, few: bool, calls: int) -> None:
    function = jax.jit(lambda x: jnp.cos(barrier(jnp.sin(x), few)))
    compiled = function.lower(MANY[:, :robots]).compile()
    assert compiled.as_text().count('inlineable="false"') == calls
