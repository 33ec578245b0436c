"""Operations are counted as they are defined to be."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

from diffsim.bench.operations import count_equations, count_operations, step_equations
from diffsim.robots.build import build_world, initial_state
from diffsim.simulate.batch import side_by_side
from diffsim.simulate.simulator import Engine
from tests.robots_in_package import robot_config

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


def test_equations_are_counted_once_wherever_they_stand():
    def function(x):
        looped = jax.lax.scan(lambda c, _: (c * c + 1.0, None), x, length=5)[0]
        return jax.jit(lambda y: jnp.sin(y) - y)(looped)

    assert count_equations(jax.make_jaxpr(function)(jnp.ones(SIZE)).jaxpr) == 4


def test_a_step_has_as_many_equations_for_any_number_of_robots():
    """And its reverse pass comes on top."""
    robot = robot_config("ball")
    world = build_world(robot, [0.0, 0.0, -9.81], 0.01)
    state = initial_state(robot, world)
    few, many = (side_by_side(world, state, robots) for robots in (2, 64))
    forward = step_equations(Engine(few[0]), few[1], gradient=False)
    assert 500 < forward == step_equations(Engine(many[0]), many[1], gradient=False)
    assert step_equations(Engine(few[0]), few[1], gradient=True) > 1.5 * forward
