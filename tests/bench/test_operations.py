"""Operations are counted as they are defined to be."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

from diffsim.bench.operations import count_operations

SIZE = 7


def count(function, *arguments) -> float:
    return count_operations(jax.make_jaxpr(function)(*arguments).jaxpr)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x, 0),
        (lambda x: x.reshape(1, SIZE), 0),
        (lambda x: x * x + x, 2 * SIZE),
        (lambda x: jnp.sum(x), SIZE),
        (lambda x: jnp.ones((3, SIZE)) @ x, 2 * 3 * SIZE),
        (lambda x: jax.jit(lambda y: y - y)(x), SIZE),
        (lambda x: jax.lax.scan(lambda c, _: (c * c, None), x, length=5)[0], 5 * SIZE),
        (lambda x: jax.checkpoint(lambda y: y * y)(x), SIZE),
    ],
    ids=["nothing", "shape", "elementwise", "sum", "product", "call", "loop", "checkpoint"],
)
def test_operations_are_counted(function, expected):
    assert count(function, jnp.ones(SIZE)) == expected


def test_a_gradient_counts_its_recomputation():
    def loop(x):
        body = jax.checkpoint(lambda c, _: (jnp.sin(c * c), None))
        return jnp.sum(jax.lax.scan(body, x, length=10)[0])

    forward, gradient = count(loop, jnp.ones(SIZE)), count(jax.grad(loop), jnp.ones(SIZE))
    assert gradient > 2 * forward
