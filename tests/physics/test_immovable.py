"""Contacts that joints leave without motion along their normal, or along their tangents."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.robots.config import BodyConfig, JointConfig, RobotConfig
from diffsim.world.world import State, World
from tests.worlds import GRAVITY, RADIUS, RIGID, build, simulate

TIMESTEP = 0.01
FREQUENCIES = [30.0, RIGID]


def sphere(**options: Any) -> BodyConfig:
    return BodyConfig(shape="sphere", radius=RADIUS, mass=1.0, **options)


def on_world(kind: str, height: float, **options: Any) -> JointConfig:
    return JointConfig(
        type=kind, parent="world", child="ball", parent_offset=[0.0, 0.0, height], **options
    )


def rail(height: float) -> dict[str, Any]:
    joint = on_world("slider", height, axis=[0.0, 0.0, 1.0])
    return {"bodies": {"ball": sphere()}, "joints": {"rail": joint}}


def hopper() -> dict[str, Any]:
    """Body and foot on vertical sliders, as every planar hopper has them."""
    along = {"type": "slider", "axis": [0.0, 0.0, 1.0]}
    body = JointConfig(parent="world", child="body", parent_offset=[0.0, 0.0, 0.6], **along)
    leg = JointConfig(
        parent="body",
        child="foot",
        parent_offset=[0.0, 0.0, -0.4],
        lower=[-0.1],
        upper=[0.1],
        **along,
    )
    box = BodyConfig(shape="box", size=[0.2, 0.2, 0.2], mass=5.0)
    return {"bodies": {"body": box, "foot": sphere()}, "joints": {"body": body, "leg": leg}}


def wheel() -> dict[str, Any]:
    axle = on_world("hinge", RADIUS - 0.005, axis=[0.0, 1.0, 0.0], velocity=[5.0])
    return {"bodies": {"ball": sphere()}, "joints": {"axle": axle}}


def turntable() -> dict[str, Any]:
    socket = on_world("ball", RADIUS, velocity=[5.0, 0.0, 3.0])
    return {"bodies": {"ball": sphere()}, "joints": {"socket": socket}}


def pendulum(height: float, angle: float) -> dict[str, Any]:
    """A pendulum of half a metre that reaches the ground as it hangs, or nearly."""
    hinge = on_world(
        "hinge", height, axis=[0.0, 1.0, 0.0], child_offset=[0.0, 0.0, 0.5], position=[angle]
    )
    return {"bodies": {"ball": sphere()}, "joints": {"pivot": hinge}}


def fingertips(sideways: bool) -> dict[str, Any]:
    """Two overlapping spheres on sliders, along the line between them or across it."""
    axis = [1.0, 0.0, 0.0] if sideways else [0.0, 0.0, 1.0]
    joints = {
        name: JointConfig(
            type="slider", parent="world", child=name, axis=axis, parent_offset=[x, 0.0, 1.0]
        )
        for name, x in (("left", 0.0), ("right", 0.19))
    }
    bodies = {name: sphere(ground_contact=False) for name in joints}
    return {"bodies": bodies, "joints": joints, "contact_pairs": [["left", "right"]]}


def pedestal() -> dict[str, Any]:
    """A sphere that is fixed to the world, and one that falls on it."""
    bodies = {"ball": sphere(), "other": sphere(position=[0.0, 0.0, 0.32])}
    joints = {"post": on_world("fixed", RADIUS)}
    return {"bodies": bodies, "joints": joints, "contact_pairs": [["other", "ball"]]}


MECHANISMS: dict[str, dict[str, Any]] = {
    "touching rail": rail(RADIUS),
    "rail above": rail(0.3),
    "hopper": hopper(),
    "wheel": wheel(),
    "turntable": turntable(),
    "hanging": pendulum(0.595, 0.0),
    "just touching as it hangs": pendulum(0.6, 0.0),
    "swinging to the ground": pendulum(0.5999, 0.3),
    "swinging just above": pendulum(0.6001, 0.3),
    "fingertips on one rail": fingertips(sideways=True),
    "fingertips on two rails": fingertips(sideways=False),
    "pedestal": pedestal(),
}


def scene(name: str, frequency: float) -> tuple[World, State]:
    robot = RobotConfig(name="x", contact_frequency=frequency, **MECHANISMS[name])
    return build(robot, timestep=TIMESTEP)


@jax.jit
def run(world: World, state: State) -> Any:
    """A sum of squares of the final motion with all states, and its gradient."""

    def loss(world: World, state: State) -> tuple[jax.Array, State]:
        states = simulate(world, state, steps=60)
        ends = (states.pose.position, states.twist.linear, states.twist.angular)
        return sum(jnp.sum(leaf[-1] ** 2) for leaf in jax.tree.leaves(ends)), states

    return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(world, state)


QUICK = {("touching rail", "float32"), ("wheel", "float32"), ("hanging", "float32")}


@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize(
    ("name", "precision"),
    [
        pytest.param(*case, marks=[] if case in QUICK else [pytest.mark.slow])
        for case in itertools.product(MECHANISMS, ("float32", "float64"))
    ],
    indirect=["precision"],
)
def test_motion_and_gradient_are_finite(name: str) -> None:
    for frequency in FREQUENCIES:
        (_, states), gradient = run(*scene(name, frequency))
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(states))
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))
        speeds = jnp.stack([jnp.abs(leaf).max() for leaf in states.twist.linear])
        assert float(speeds.max()) < 10.0


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("frequency", FREQUENCIES)
@pytest.mark.parametrize("height", [RADIUS, 0.3])
def test_a_ball_on_a_rail_rests_where_a_free_one_does(height: float, frequency: float) -> None:
    robot = RobotConfig(name="x", contact_frequency=frequency, **rail(height))
    end = simulate(*build(robot, timestep=TIMESTEP), steps=400).pose.position.z[-1, 0]
    sinking = 0.0 if frequency == RIGID else GRAVITY / (2.0 * np.pi * frequency) ** 2
    assert float(end) == pytest.approx(RADIUS - sinking, abs=1e-9)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", ["wheel", "turntable", "hanging", "fingertips on two rails"])
def test_a_direction_without_motion_takes_no_impulse(name: str) -> None:
    """So a wheel on a fixed axle turns freely, whatever the ground's height."""
    world, state = scene(name, RIGID)
    states = simulate(world, state, steps=20)
    if name == "fingertips on two rails":
        normals = states.impulses.contact.normal[:1]
    else:
        normals = states.impulses.contact.normal
    assert float(jnp.abs(normals).max()) == 0.0
    if name == "wheel":
        np.testing.assert_allclose(states.twist.angular.y, 5.0, rtol=1e-12)
