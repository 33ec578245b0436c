"""Images against closed forms and MuJoCo's ray caster, and their gradients."""

from __future__ import annotations

import dataclasses
import math

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from diffsim.camera.atlas import look_up, make_atlas
from diffsim.camera.render import Optics, Pose, Scene, Surface, depth, project, render
from diffsim.math.rotations import rotation_by
from diffsim.math.vectors import Mat3, Vec3
from diffsim.shapes.plane import LimitedPlane, Plane
from diffsim.shapes.table import SHAPES

pytestmark = pytest.mark.usefixtures("float64")

ROUND_OFF = 1e-12
PIXEL = 1e-4  # what the project asks of projections
DEPTH = 2e-6  # [m]; where MuJoCo has a thin box for a plane, seen along it

LIMITED = LimitedPlane()
FAR = 1e6  # [m], as good as endless
GRADIENT = 1e-5  # relative: central differences of a step of 1e-6 in float64
STEP = 1e-6


def v(*numbers: float) -> Vec3:
    return Vec3(*(jnp.asarray(float(number)) for number in numbers))


HEIGHT, WIDTH = 48, 96
SENSOR = (0.036, 0.018)  # [m]
FOCAL_LENGTH = 0.018  # [m]


def camera() -> Pose:
    return Pose(v(-2.0, 0.3, 0.4), rotation_by(v(0.1, 0.15, -0.2)))


def optics(**options) -> Optics:
    defaults = {"samples": 1, "softness": None, "focal_length": jnp.asarray(FOCAL_LENGTH)}
    return Optics(height=HEIGHT, width=WIDTH, sensor=jnp.asarray(SENSOR), **(defaults | options))


def smooth(height, width, phase=0.0):
    """A texture without edges."""
    y, x = np.mgrid[:height, :width]
    wave = np.sin(2 * np.pi * (x / width + phase)) * np.cos(2 * np.pi * (y / height - phase))
    return jnp.asarray(0.5 + 0.4 * wave)[..., None]


def scene(number: int) -> tuple[Scene, tuple[Pose, ...]]:
    """Three scenes of boxes, spheres and planes, in random poses around the origin."""
    rng = np.random.default_rng(number)
    kinds = (("box", "sphere", "plane"), ("sphere", "sphere", "box", "plane"), ("box",) * 3)[number]
    surfaces, sizes, poses = [], [], []
    for k, kind in enumerate(kinds):
        surfaces.append(Surface(LIMITED if kind == "plane" and k % 2 == 0 else SHAPES[kind], k))
        size = rng.uniform(0.3, 0.6, 3)
        edges = {"box": v(*size), "plane": v(4 * size[0], 3 * size[1], 1)}
        sizes.append({"size": edges[kind]} if kind in edges else {"radius": jnp.asarray(size[0])})
        poses.append(
            Pose(v(*rng.uniform(-0.5, 0.5, 3)), rotation_by(v(*rng.uniform(-1.0, 1.0, 3))))
        )
    repeats = [kind != "box" for kind in kinds]
    atlas = make_atlas([smooth(12, 16, 0.1 * k) for k in range(len(kinds))], repeats)
    light = v(0.0, 0.6, 0.8)
    return Scene(tuple(surfaces), tuple(sizes), atlas, light, jnp.asarray(0.3)), tuple(poses)


def rays() -> np.ndarray:
    """Directions in the world, of length one along the optical axis, (height, width, 3)."""
    down, right = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    across = (right / WIDTH - 0.5) * 0.036 / 0.018
    along = (down / HEIGHT - 0.5) * 0.018 / 0.018
    own = np.stack([np.ones_like(across), -across, -along], axis=-1)
    return own @ np.asarray(camera().rotation.stack()).T


def test_a_point_is_where_the_pinhole_puts_it():
    ahead = Pose(v(0, 0, 0), rotation_by(v(0, 0, 0)))
    right, down = project(v(3.0, -0.6, 0.45), optics(), ahead)
    # x to the right is −y, z upwards: f · 0.2 and f · 0.15 from the middle of 36 × 18 mm.
    assert float(right) == pytest.approx(48 + 0.018 * 0.2 / 0.036 * 96, abs=PIXEL)
    assert float(down) == pytest.approx(24 - 0.018 * 0.15 / 0.018 * 48, abs=PIXEL)


def test_the_image_shows_points_where_they_are_projected():
    """A ramp's value says which point of the plane a pixel shows."""
    ramp = jnp.asarray([[0.0, 1.0], [0.0, 1.0]])[..., None]
    turned = jnp.swapaxes(ramp, 0, 1)
    pose = Pose(v(1.0, 0.2, 0.1), rotation_by(v(0.2, -1.3, 0.3)))
    found = []
    for image in (ramp, turned):
        plane = Scene(
            (Surface(LIMITED, 0),),
            ({"size": v(8, 6, 1)},),
            make_atlas([image], [False]),
            v(0, 0, 1),
            jnp.ones(()),
        )
        found.append(render(plane, (pose,), optics(), camera())[0])
    u, down_the_texture = found
    inside = np.asarray(u > 0.01)  # else it sees nothing
    x, y = (u - 0.5) * 8, (0.5 - down_the_texture) * 6
    point = jax.tree.map(lambda c: c[..., None, None], pose.position) + Mat3(
        *(Vec3(*(c[..., None, None] for c in column)) for column in pose.rotation)
    ) @ Vec3(x, y, jnp.zeros_like(x))
    right, down = project(point, optics(), jax.tree.map(lambda c: c[..., None, None], camera()))
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    assert inside.mean() > 0.3
    np.testing.assert_allclose(np.asarray(right)[inside], columns[inside], atol=PIXEL)
    np.testing.assert_allclose(np.asarray(down)[inside], rows[inside], atol=PIXEL)


def test_the_outline_of_a_sphere_is_that_of_its_cone():
    ahead = Pose(v(0, 0, 0), rotation_by(v(0, 0, 0)))
    white = make_atlas([jnp.ones((2, 2, 1))], [True])
    size = {"radius": jnp.asarray(0.5)}
    ball = Scene((Surface(SHAPES["sphere"], 0),), (size,), white, v(0, 0, 1), jnp.ones(()))
    image = render(ball, (Pose(v(2.0, 0, 0), ahead.rotation),), optics(samples=8), ahead)
    radius = 0.018 * math.tan(math.asin(0.5 / 2.0)) / 0.036 * 96  # [pixels]
    measured = math.sqrt(float(image.sum()) / math.pi)
    assert measured == pytest.approx(radius, rel=2e-3)


def depths_by_mujoco(spec: mujoco.MjSpec) -> np.ndarray:
    """Depths at which the camera's rays meet a model's geoms [m], infinite where they do not."""
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    geom = np.zeros(1, np.int32)
    start, directions = np.array([float(c) for c in camera().position]), rays()
    depths = np.full(directions.shape[:-1], np.inf)
    for place in np.ndindex(depths.shape):
        distance = mujoco.mj_ray(model, data, start, directions[place], None, 1, -1, geom)
        if distance >= 0.0:
            depths[place] = distance
    return depths


@pytest.mark.parametrize("number", range(3))
def test_depths_agree_with_mujoco(number):
    drawn, poses = scene(number)
    found = np.asarray(depth(drawn, poses, optics(), camera()))
    spec = mujoco.MjSpec()
    for k, surface in enumerate(drawn.surfaces):
        quaternion = np.zeros(4)
        pose = poses[k]
        mujoco.mju_mat2Quat(quaternion, np.asarray(pose.rotation.stack()).ravel())
        size = np.array([float(c) for c in jax.tree.leaves(drawn.sizes[k])])
        if isinstance(surface.shape, Plane):
            # MuJoCo's planes are seen from above only: a thin box can be seen from below, too.
            size[2] = 2e-9
            size[:2] = size[:2] if surface.shape is LIMITED else FAR
        sphere = surface.shape is SHAPES["sphere"]
        spec.worldbody.add_geom(
            type=mujoco.mjtGeom.mjGEOM_SPHERE if sphere else mujoco.mjtGeom.mjGEOM_BOX,
            size=[size[0], 0.0, 0.0] if sphere else 0.5 * size,
            pos=[float(c) for c in pose.position],
            quat=quaternion,
        )
    expected = depths_by_mujoco(spec)
    assert np.isfinite(found).mean() > 0.05
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
    seen = np.isfinite(found)
    np.testing.assert_allclose(found[seen], expected[seen], atol=DEPTH)


def along_everything(number: int):
    """The image as a function of one number, which moves all there is in some direction."""
    drawn, poses = scene(number)
    rng = np.random.default_rng(number)
    others = (drawn.sizes, drawn.atlas.texels)
    way = jax.tree.map(lambda leaf: jnp.asarray(rng.standard_normal(leaf.shape)), others)
    moves = [(v(*rng.standard_normal(3)), v(*rng.standard_normal(3))) for _ in (*poses, camera())]

    def moved(pose, move, t):
        return Pose(pose.position + move[0] * t, rotation_by(move[1] * t).times(pose.rotation))

    def image(t):
        sizes, texels = jax.tree.map(lambda leaf, along: leaf + t * along, others, way)
        atlas = dataclasses.replace(drawn.atlas, texels=texels)
        *there, seen_from = (
            moved(pose, move, t) for pose, move in zip((*poses, camera()), moves, strict=True)
        )
        return render(
            dataclasses.replace(drawn, sizes=sizes, atlas=atlas),
            there,
            optics(focal_length=FOCAL_LENGTH * (1.0 + t)),
            seen_from,
        )[0]

    return image


@pytest.mark.parametrize("number", range(3))
def test_derivatives_agree_with_central_differences(number):
    """With respect to all poses, sizes, textures and the camera, together.

    Pixels at which something else is seen a step away, another surface, face or cell of the
    texture's lattice, are left out: where the second difference is not that of a smooth function.
    """
    image = along_everything(number)
    image = jax.jit(image)
    low, middle, high = (np.asarray(image(t)) for t in (-STEP, 0.0, STEP))
    half = np.asarray(image(0.5 * STEP)) - np.asarray(image(-0.5 * STEP))
    differences = (high - low) / (2 * STEP)
    smooth_here = np.abs(differences - half / STEP) <= 1e-5 * np.abs(differences).max()
    _, derivative = jax.jvp(image, (0.0,), (1.0,))
    derivative = np.asarray(derivative)
    seen = middle > 0
    assert (smooth_here | ~seen).mean() > 0.97
    scale = np.abs(derivative).max()
    assert scale > 0.1
    np.testing.assert_allclose(
        derivative[smooth_here], differences[smooth_here], rtol=GRADIENT, atol=GRADIENT * scale
    )


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("softness", [None, 0.02])
def test_reverse_mode_gives_the_derivatives_of_forward_mode(number, softness):
    drawn, poses = scene(number)
    weights = jnp.asarray(np.random.default_rng(9).standard_normal((1, 48, 96)))

    def worth(drawn, poses, focal, seen_from):
        here = optics(softness=softness, focal_length=focal)
        return jnp.sum(weights * render(drawn, poses, here, seen_from))

    at = (drawn, poses, jnp.asarray(FOCAL_LENGTH), camera())
    way = jax.tree.map(
        lambda leaf: jnp.asarray(np.random.default_rng(leaf.size).standard_normal(leaf.shape)), at
    )
    _, forward = jax.jvp(worth, at, way)
    gradient = jax.grad(worth, argnums=(0, 1, 2, 3))(*at)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(gradient))
    reverse = sum(
        jnp.vdot(a, b) for a, b in zip(jax.tree.leaves(gradient), jax.tree.leaves(way), strict=True)
    )
    np.testing.assert_allclose(forward, reverse, rtol=1e-9)


@pytest.mark.parametrize("kind", ["box", "sphere"])
@pytest.mark.parametrize("turned", [0.0, 0.4])
def test_soft_edges_move_with_what_they_belong_to(kind, turned):
    """By a pixel, in any place: the gradient says what happens; of sharp edges it says nothing."""
    white = make_atlas([jnp.ones((2, 2, 1)), jnp.full((2, 2, 1), 0.2)], [False, True])
    surfaces = (Surface(SHAPES[kind], 0), Surface(SHAPES["plane"], 1))
    size = {"size": v(0.4, 0.5, 0.3)} if kind == "box" else {"radius": jnp.asarray(0.25)}
    sizes = (size, {"size": v(1, 1, 1)})
    white_one = Scene(surfaces, sizes, white, v(0, 0, 1), jnp.ones(()))
    wall = Pose(v(1.0, 0, 0), rotation_by(v(0, math.pi / 2, 0)))
    rng = np.random.default_rng(3)
    down, right = np.mgrid[:HEIGHT, :WIDTH] / WIDTH
    pixel = 2.0 * SENSOR[0] / FOCAL_LENGTH / WIDTH

    def worth(place, weights, softness):
        pose = Pose(v(0, 0, 0)._replace(y=place), rotation_by(v(turned, turned, turned)))
        image = render(white_one, (pose, wall), optics(softness=softness), camera())
        return jnp.sum(weights * image)

    value = jax.jit(worth, static_argnums=2)
    slope = jax.jit(jax.grad(worth), static_argnums=2)
    found = {None: [], 0.06: []}
    changes = {None: [], 0.06: []}
    for place in rng.uniform(-0.6, 0.6, 20):
        a, b, c = rng.uniform(-40.0, 40.0, 3)
        weights = jnp.asarray(np.sin(a * down + b * right + c))
        for softness in found:
            found[softness].append(pixel * slope(place, weights, softness))
            changes[softness].append(
                value(place + 0.5 * pixel, weights, softness)
                - value(place - 0.5 * pixel, weights, softness)
            )

    def error(softness):
        away = np.array(found[softness]) - np.array(changes[softness])
        return np.linalg.norm(away) / np.linalg.norm(changes[softness])

    assert error(0.06) < 0.15
    assert error(None) == pytest.approx(1.0)


def test_textures_end_at_their_edges_unless_they_repeat():
    ramp = jnp.asarray([[0.0, 0.5, 1.0]] * 2)[..., None]
    for repeats, beyond in ((False, [0.0, 1.0]), (True, [0.75, 0.375])):
        atlas = make_atlas([ramp], [repeats])
        seen = look_up(atlas, atlas.patches[0], jnp.array([-0.25, 1.25]), jnp.array([0.5, 0.5]))
        np.testing.assert_allclose(seen[0], beyond)
