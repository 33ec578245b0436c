"""Shapes that the engine's data are annotated with are those that they have.

A field says ``Float[jax.Array, "contacts *robots"]``, or of a structure of arrays
``Annotated[Pose, "bodies *robots"]`` for all of its components. Names of axes stand for one length
throughout a world and its states.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import pytest
from jaxtyping import Float, jaxtyped

from diffsim.collisions.contacts import ContactImpulse, Contacts
from diffsim.dynamics.bodies import Bodies
from diffsim.joints.joints import Joints
from diffsim.shapes.geoms import Geoms
from diffsim.simulate.batch import side_by_side
from diffsim.simulate.simulator import Engine
from diffsim.world.motors import Drives, Thrusters
from diffsim.world.world import Control, Impulses, Parts, State, World, command_count
from tests.robots_in_package import robot_config
from tests.worlds import build

DATA = (
    *(World, Bodies, Parts, Joints, Geoms, Contacts, Drives, Thrusters),
    *(State, Impulses, ContactImpulse, Control),
)
ROBOTS = ["ball", "cartpole", "arm", "quadruped"]


def annotated(data: Any, place: str = "") -> Iterator[tuple[str, Any, str]]:
    """Every array of some data with its place and what its shape is said to be."""
    kind = type(data)
    module = vars(__import__(kind.__module__, fromlist=["x"]))
    hints = typing.get_type_hints(kind, {**module, "Float": Float}, include_extras=True)
    for name, hint in hints.items():
        value, here = getattr(data, name), f"{place}.{name}"
        if isinstance(value, DATA):
            yield from annotated(value, here)
            continue
        options = [hint, *typing.get_args(hint)]
        shape = next((o.dim_str for o in options if hasattr(o, "dim_str")), None)
        if shape is None and typing.get_origin(hint) is Annotated:
            shape = hint.__metadata__[0]
        for leaf in jax.tree.leaves(value) if is_array_field(kind, name) else ():
            assert shape is not None or name == "sizes", f"{here} says no shape"
            if shape is not None:
                yield here, leaf, shape


def is_array_field(kind: type, name: str) -> bool:
    if not dataclasses.is_dataclass(kind):
        return True
    return not kind.__dataclass_fields__[name].metadata.get("static")


def check(*data: Any) -> int:
    """Number of arrays that have the shapes that they are said to have, with one set of names."""

    @jaxtyped(typechecker=None)
    def together() -> int:
        count = 0
        for one in data:
            for place, leaf, shape in annotated(one, type(one).__name__):
                assert isinstance(leaf, Float[jax.Array, shape]), f"{place}: {leaf.shape}, {shape}"
                count += 1
        return count

    return together()


def after_step(world: World, state: State, control: Control) -> State:
    """A state of the shapes that a step gives; nothing is computed."""
    shapes = jax.eval_shape(Engine(world).step, state, control)
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


@pytest.mark.parametrize("name", ROBOTS)
def test_worlds_and_states_have_their_shapes(name: str) -> None:
    world, state = build(robot_config(name))
    control = Control(jnp.zeros(command_count(world)))
    assert check(world, state, control) > 60
    assert check(state, after_step(world, state, control)) > 60


@pytest.mark.parametrize("name", ROBOTS)
def test_so_do_those_of_robots_side_by_side(name: str) -> None:
    world, state = build(robot_config(name))
    shared, states = side_by_side(world, state, 3)
    control = Control(jnp.zeros((command_count(world), 3)))
    after = after_step(shared, states, control)
    check(shared)
    check(states, control)
    check(states, after)
    assert after.time.shape == (3,)


def test_a_wrong_shape_is_seen() -> None:
    world, state = build(robot_config("cartpole"))
    wrong = state._replace(angles=jnp.zeros((1, 2)))
    with pytest.raises(AssertionError, match=r"State\.angles: \(1, 2\)"):
        check(world, wrong)
