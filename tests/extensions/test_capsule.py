"""A shape from outside the package does what spheres do: weigh, fall, bounce, roll, rest, slide."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from diffsim.camera.atlas import make_atlas
from diffsim.camera.render import Optics, Surface, depth, render
from diffsim.camera.render import Scene as VisibleScene
from diffsim.math.rotations import rotation_by
from diffsim.math.spatial import Pose
from diffsim.math.vectors import Vec3
from diffsim.robots.config import (
    BodyConfig,
    GeomConfig,
    PlaneConfig,
    RobotConfig,
    SensorConfig,
)
from diffsim.sensors.sensors import Sensors
from diffsim.shapes.table import SHAPES
from diffsim.world.world import Control, State, World
from tests.camera.test_render import camera, depths_by_mujoco, optics, v
from tests.extensions import capsule  # noqa: F401, adds the kinds
from tests.gradients.compare import Scene, disagreement, jacobians
from tests.gradients.test_one_step import DIFFERENCES_TOLERANCE, MODES_TOLERANCE
from tests.worlds import DOWN, GRAVITY, WEIGHTLESS, build, last, simulate

pytestmark = pytest.mark.usefixtures("float64")

R, LENGTH = 0.1, 0.4
LYING = [
    math.cos(math.pi / 4),
    0.0,
    math.sin(math.pi / 4),
    0.0,
]  # z of the body along the world's x
CELLS = 160
# Cubes at the surface are in or out.
GRID_TOLERANCE = 3e-3
ROUND_OFF = 1e-9


def rod(**options: object) -> RobotConfig:
    body = {
        "shape": "capsule",
        "radius": R,
        "parameters": {"length": LENGTH},
        "orientation": LYING,
        "position": [0.0, 0.0, R],
    }
    common = ("friction", "restitution", "contact_frequency")
    robot = {name: options.pop(name) for name in common if name in options}
    return RobotConfig(name="rod", bodies={"rod": BodyConfig(**{**body, **options})}, **robot)


def test_it_weighs_and_turns_like_its_parts() -> None:
    half = R + 0.5 * LENGTH
    x, z = (np.linspace(-h, h, CELLS, endpoint=False) + h / CELLS for h in (R, half))
    points = np.stack(np.meshgrid(x, x, z, indexing="ij"), axis=-1).reshape(-1, 3)
    beyond = np.maximum(np.abs(points[:, 2]) - 0.5 * LENGTH, 0.0)
    inside = points[points[:, 0] ** 2 + points[:, 1] ** 2 + beyond**2 < R**2]
    cell = (2 * R / CELLS) ** 2 * 2 * half / CELLS
    shape, size = SHAPES["capsule"], {"radius": R, "length": LENGTH}
    assert shape.volume(size) == pytest.approx(len(inside) * cell, rel=GRID_TOLERANCE)
    squares = (inside**2).mean(axis=0)
    expected = 3.0 * (squares.sum() - squares)
    np.testing.assert_allclose(shape.inertia(size, 3.0), expected, rtol=GRID_TOLERANCE)


def test_it_has_a_contact_at_either_end() -> None:
    world, _ = build(rod())
    assert world.contacts.names == ("rod/ground.0", "rod/ground.1")
    assert world.contacts.body_a == (0, 0)


def test_it_lies_on_the_ground_and_both_ends_carry_half_of_it() -> None:
    world, state = build(rod(), timestep=0.01)
    end = last(simulate(world, state, steps=300))
    weight = float(world.bodies.mass[0]) * GRAVITY * 0.01
    np.testing.assert_allclose(end.impulses.contact.normal, [0.5 * weight] * 2, rtol=1e-6)
    # Each end is a spring of the frequency with the mass that the rod has there.
    moment = float(world.bodies.inertia.xx[0])
    mass = float(world.bodies.mass[0])
    at_end = 1.0 / (1.0 / mass + (0.5 * LENGTH) ** 2 / moment)
    depth = 0.5 * mass * GRAVITY / ((60.0 * math.pi) ** 2 * at_end)
    assert float(end.pose.position.z[0]) == pytest.approx(R - depth, abs=1e-6)
    assert float(end.twist.linear.length()[0]) < ROUND_OFF


def test_it_stands_on_one_end() -> None:
    """At an unstable equilibrium, which the numbers keep."""
    robot = rod(orientation=[1.0, 0.0, 0.0, 0.0], position=[0.0, 0.0, R + 0.5 * LENGTH])
    world, state = build(robot, timestep=0.01)
    end = last(simulate(world, state, steps=100))
    weight = float(world.bodies.mass[0]) * GRAVITY * 0.01
    np.testing.assert_allclose(end.impulses.contact.normal, [0.0, weight], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("restitution", [0.0, 0.5, 1.0])
def test_it_bounces_with_its_restitution(restitution: float) -> None:
    """Rigid contacts do; soft ones of a body that lands on both give back a little less."""
    robot = rod(position=[0.0, 0.0, 1.0], restitution=restitution, contact_frequency=float("inf"))
    world, state = build(robot, timestep=0.01)
    speed = math.sqrt(2.0 * GRAVITY * (1.0 - R))
    states = simulate(world, state, steps=60)
    found = float(jnp.max(states.twist.linear.z))
    # Rebound velocities are read at the next step, up to one step of gravity later.
    assert found == pytest.approx(restitution * speed, abs=0.1)


def test_it_rolls_without_slipping_along_its_side() -> None:
    robot = rod(velocity=[0.0, 1.0, 0.0], angular_velocity=[-1.0 / R, 0.0, 0.0])
    world, state = build(robot, timestep=0.01)
    end = last(simulate(world, state, steps=200))
    assert float(end.twist.linear.y[0]) == pytest.approx(1.0, rel=1e-3)
    assert float(end.twist.angular.x[0]) == pytest.approx(-1.0 / R, rel=1e-3)


def test_friction_brings_a_sliding_one_to_rest_after_v_over_mu_g() -> None:
    world, state = build(rod(velocity=[1.0, 0.0, 0.0], friction=0.4), timestep=0.002)
    states = simulate(world, state, steps=300)
    speed = np.asarray(states.twist.linear.x[:, 0])
    stop = 0.002 * int(np.argmax(speed < 1e-6))
    assert stop == pytest.approx(1.0 / (0.4 * GRAVITY), rel=0.02)


def test_one_on_two_bodies_as_geoms_weighs_what_they_weigh() -> None:
    """A dumb-bell of a capsule and two spheres in one body, and its contact sensor."""
    knob = {"shape": "sphere", "radius": 0.15}
    body = BodyConfig(
        geoms={
            "bar": GeomConfig(shape="capsule", radius=0.05, parameters={"length": 0.4}),
            "top": GeomConfig(**knob, position=[0.0, 0.0, 0.3]),
            "bottom": GeomConfig(**knob, position=[0.0, 0.0, -0.3], density=2000.0),
        },
        position=[0.0, 0.0, 0.5],
        orientation=LYING,
    )
    robot = RobotConfig(
        name="bell",
        bodies={"bell": body},
        sensors={"load": SensorConfig(type="contact", body="bell")},
    )
    world, state = build(robot, timestep=0.01)
    assert world.geoms.names == ("bell.bar", "bell.top", "bell.bottom", "ground")
    ball = 4.0 / 3.0 * math.pi * 0.15**3
    bar = math.pi * 0.05**2 * (0.4 + 4.0 / 3.0 * 0.05)
    mass = 1000.0 * (3.0 * ball + bar)
    assert float(world.bodies.mass[0]) == pytest.approx(mass)
    center = -0.3 * 1000.0 * ball / mass
    part = world.parts.pose.position
    np.testing.assert_allclose([part.x[0], part.y[0], part.z[0]], [0.0, 0.0, -center], atol=1e-12)
    end = last(simulate(world, state, steps=400))
    load = Sensors(robot).read(world, end)
    assert float(load[0]) == pytest.approx(mass * GRAVITY, rel=1e-3)


TILTED = [math.cos(0.7), 0.0, math.sin(0.7), 0.02]
REGIMES: dict[str, dict[str, Any]] = {
    "an end arrives": {"velocity": [0.3, 0.5, -2.0], "position": [0.0, 0.0, 0.145]},
    "slipping": {"velocity": [2.0, 1.0, 0.0], "angular_velocity": [0.0, 0.0, 2.0]},
    "flight": {"velocity": [0.5, 1.0, 3.0], "position": [0.0, 0.0, 0.5]},
}


@pytest.mark.parametrize("regime", REGIMES)
def test_gradients_agree(regime: str) -> None:
    start = REGIMES[regime]
    orientation = LYING if regime == "slipping" else TILTED
    friction = 0.3 if regime == "slipping" else 0.9
    robot = rod(orientation=orientation, friction=friction, restitution=0.4, **start)
    world, state = build(robot, timestep=0.01)
    if regime == "slipping":  # after a while, when both ends carry it
        state = last(simulate(world, state, steps=20))
        assert float(state.impulses.contact.normal.min()) > 0.0
    result = jacobians(Scene(world, state, Control(jnp.zeros(0))))
    pushes = np.asarray(result.state.impulses.contact.normal) > 0.0
    assert pushes.sum() == {"an end arrives": 1, "slipping": 2, "flight": 0}[regime]
    assert disagreement(result.reverse, result.forward, result.scale) < MODES_TOLERANCE
    assert disagreement(result.reverse, result.differences, result.scale) < DIFFERENCES_TOLERANCE


def seen(softness: float | None = None) -> tuple[VisibleScene, Pose, Optics]:
    """A long one before the camera, in a pose that shows its wall and both ends."""
    size = {"radius": jnp.asarray(0.3), "length": jnp.asarray(0.8)}
    rows, columns = np.mgrid[:12, :16]
    wave = np.sin(2.0 * np.pi * columns / 16) * np.cos(2.0 * np.pi * rows / 12)
    atlas = make_atlas([jnp.asarray(0.5 + 0.4 * wave)[..., None]], [SHAPES["capsule"].repeats])
    light = Vec3(*map(jnp.asarray, (0.0, 0.6, 0.8)))
    surface = Surface(SHAPES["capsule"], 0)
    pose = Pose(v(0.1, 0.2, 0.1), rotation_by(v(0.4, 0.9, 0.3)))
    scene = VisibleScene((surface,), (size,), atlas, light, jnp.asarray(0.3))
    return scene, pose, optics(softness=softness)


def test_cameras_see_it_where_mujoco_does() -> None:
    scene, pose, lens = seen()
    found = np.asarray(depth(scene, (pose,), lens, camera()))
    spec = mujoco.MjSpec()
    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, np.asarray(pose.rotation.stack()).ravel())
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        size=[0.3, 0.4, 0.0],
        pos=[float(c) for c in pose.position],
        quat=quaternion,
    )
    assert 0.05 < np.isfinite(found).mean() < 0.95
    np.testing.assert_allclose(found, depths_by_mujoco(spec), atol=1e-9)


@pytest.mark.parametrize("softness", [None, 0.05])
def test_its_image_has_the_derivatives_of_differences(softness: float | None) -> None:
    scene, pose, lens = seen(softness)
    weights = jnp.asarray(np.random.default_rng(0).standard_normal((1, lens.height, lens.width)))
    # With sharp edges what is near one has no derivative that differences could show.
    if softness is None:
        distances = depth(scene, (pose,), lens, camera())
        inner = jnp.isfinite(distances)
        for axis in (0, 1):
            inner &= jnp.roll(inner, 1, axis) & jnp.roll(inner, -1, axis)
        weights *= inner

    def worth(t: float) -> jax.Array:
        turn = rotation_by(v(0.4, 0.9, 0.3) + v(0.2, 0.1, 0.7) * t)
        moved = Pose(pose.position + v(0.3, 0.5, -0.2) * t, turn)
        size = jax.tree.map(lambda leaf: leaf * (1.0 + 0.1 * t), scene.sizes)
        return jnp.vdot(weights, render(replace(scene, sizes=size), (moved,), lens, camera()))

    step = 1e-6
    differences = (worth(step) - worth(-step)) / (2.0 * step)
    assert float(jax.grad(worth)(0.0)) == pytest.approx(float(differences), rel=1e-6)


def test_free_flight_keeps_momentum_and_energy() -> None:
    robot = rod(position=[0.0, 0.0, 5.0], angular_velocity=[0.5, 1.0, 0.3])
    world, state = build(robot, WEIGHTLESS, 0.01)
    states = simulate(world, state, steps=200)
    spin = [spin_of(world, jax.tree.map(lambda leaf, k=k: leaf[k], states)) for k in (0, -1)]
    np.testing.assert_allclose(spin[0], spin[1], rtol=1e-10)


def spin_of(world: World, state: State) -> np.ndarray:
    into = state.pose.rotation.transpose_times(state.twist.angular)
    momentum = state.pose.rotation @ (world.bodies.inertia @ into)
    return np.asarray(momentum.stack()[0])


def test_a_ramp_of_any_slope_is_a_plane_too() -> None:
    """It slides down a slope of 0.5 rad with g (sin − μ cos)."""
    slope, friction, height = 0.5, 0.2, 5.0
    tilt = [math.cos(0.5 * slope), 0.0, math.sin(0.5 * slope), 0.0]
    place = [R * math.sin(slope), 0.0, height + R * math.cos(slope)]
    robot = replace(
        rod(position=place, orientation=_times(tilt, LYING), friction=friction),
        scenery={"ramp": PlaneConfig(position=[0.0, 0.0, height], orientation=tilt, solid=True)},
    )
    world, state = build(robot, DOWN, 0.002)
    assert world.contacts.names[-2:] == ("rod/ramp.0", "rod/ramp.1")
    end = last(simulate(world, state, steps=100))
    speed = float(end.twist.linear.x[0]) / math.cos(slope)
    assert speed == pytest.approx(
        0.2 * GRAVITY * (math.sin(slope) - friction * math.cos(slope)), rel=0.02
    )


def _times(a: list[float], b: list[float]) -> list[float]:
    (w, x, y, z), (p, q, r, s) = a, b
    return [
        w * p - x * q - y * r - z * s,
        w * q + x * p + y * s - z * r,
        w * r - x * s + y * p + z * q,
        w * s + x * r - y * q + z * p,
    ]
