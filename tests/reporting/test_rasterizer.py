"""How a replay draws surfaces, run by Node where it is installed: sizes, colours, hidden parts."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import diffsim.reporting.replay as replay
from diffsim.robots.appearance import TextureConfig
from diffsim.robots.config import BodyConfig, RobotConfig
from diffsim.robots.surfaces import surfaces_record

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")

SOURCE = Path(replay.__file__).with_name("replay_bodies.js")
WIDTH, HEIGHT, DISTANCE = 200, 160, 4.0
DRIVER = """
globalThis.document = { createElement: () => ({
  width: 0, height: 0, getContext: () => ({ clearRect() {}, putImageData() {} }),
}) };
globalThis.ImageData = class {
  constructor(data, width) {
    [this.data, this.width, this.height] = [data, width, data.length / 4 / width];
  }
};
const scene = JSON.parse(require("fs").readFileSync(0, "utf8"));
const meshes = scene.meshes.map((mesh) => meshOf({
  vertices: mesh.vertices.flat(), triangles: mesh.triangles.flat(), second: mesh.second,
}));
const items = scene.bodies.map(({ mesh, colors }) => surfaceOf(meshes[mesh], colors, ROUND));
const poses = scene.places.map((position) => ({ position, axes: axesOf([1, 0, 0, 0]) }));
const camera = new Camera(scene.view, scene.width, scene.height);
const rasterizer = new Rasterizer();
let where = null;
rasterizer.draw({ drawImage(...given) { where = given; } }, camera, items, poses);
const image = rasterizer.image;
const drawn = where && { left: where[5], top: where[6], fine: rasterizer.fine, width: image.width,
  pixels: [...image.data] };
console.log(JSON.stringify({ drawn, focal: camera.focal }));
"""
BLUE = TextureConfig(colors=[[0.1, 0.1, 0.9], [0.0, 0.0, 0.0]])
RED = TextureConfig(colors=[[0.9, 0.1, 0.1], [0.0, 0.0, 0.0]])


def picture(
    bodies: dict[str, BodyConfig],
    places: list[list[float]],
    elevation: float = 0.0,
    height: float = 2.0,
) -> tuple[np.ndarray, float]:
    """Picture of bodies seen along -x from 4 m, (rows, columns, 4), and the focal length."""
    target = [0.0, 0.0, height]
    view = {"azimuth": 0.0, "elevation": elevation, "distance": DISTANCE, "target": target}
    scene = {
        **surfaces_record(RobotConfig(name="thing", bodies=bodies)),
        "places": places,
        "view": view,
        "width": WIDTH,
        "height": HEIGHT,
    }
    done = subprocess.run(
        [str(NODE), "-e", SOURCE.read_text() + DRIVER],
        input=json.dumps(scene),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = json.loads(done.stdout)
    whole = np.zeros((2 * HEIGHT, 2 * WIDTH, 4), int)
    if drawn := found["drawn"]:
        assert drawn["fine"] == 2  # points across a pixel
        part = np.array(drawn["pixels"]).reshape(-1, drawn["width"], 4)
        top, left = 2 * drawn["top"], 2 * drawn["left"]
        whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    return whole, 2.0 * found["focal"]


def test_a_sphere_is_as_large_as_perspective_has_it() -> None:
    radius = 0.5
    image, focal = picture({"a": BodyConfig(shape="sphere", radius=radius)}, [[0, 0, 2.0]])
    seen = np.argwhere(image[..., 3] > 0)
    # The tangents from the eye, at a sine of r / d.
    expected = 2.0 * focal * math.tan(math.asin(radius / DISTANCE))
    np.testing.assert_allclose(np.ptp(seen, axis=0) + 1, expected, atol=3.0)
    np.testing.assert_allclose(seen.mean(axis=0), [HEIGHT, WIDTH], atol=1.0)


def test_what_is_nearer_hides_what_is_farther_whatever_comes_first() -> None:
    near = BodyConfig(shape="box", size=[0.2, 0.4, 0.4], texture=RED)
    far = BodyConfig(shape="box", size=[0.2, 0.8, 0.8], texture=BLUE)
    for bodies, places in (
        ({"near": near, "far": far}, [[1.0, 0, 2.0], [0, 0, 2.0]]),
        ({"far": far, "near": near}, [[0, 0, 2.0], [1.0, 0, 2.0]]),
    ):
        image, _ = picture(bodies, places)
        red, _, blue, _ = image[HEIGHT, WIDTH]
        assert red > 3 * blue
        red, _, blue, _ = image[HEIGHT, WIDTH + 45]
        assert blue > 3 * red


def test_faces_differ_in_brightness_and_edges_are_dark() -> None:
    image, _ = picture(
        {"a": BodyConfig(shape="box", size=[1.0, 1.0, 1.0], texture=BLUE)}, [[0, 0, 2.0]], 0.5
    )
    column = image[:, WIDTH, 2]
    shades, counts = np.unique(column[column > 0], return_counts=True)
    faces = shades[counts > 20]
    assert len(faces) == 2  # the front and, brighter, the top
    dark = shades[counts <= 6]
    assert dark.size
    assert dark.min() < 0.8 * faces.min()


def test_what_is_below_the_ground_shines_through_it() -> None:
    image, _ = picture({"a": BodyConfig(shape="sphere", radius=0.5)}, [[0, 0, 0]], 0.5, height=0.0)
    assert set(np.unique(image[..., 3])) == {0, 90, 255}


def test_a_surface_around_the_camera_or_behind_it_does_no_harm() -> None:
    ball = {"a": BodyConfig(shape="sphere", radius=1.0)}
    image, _ = picture(ball, [[DISTANCE + 3.0, 0, 2.0]])
    assert not image.any()
    box = {"a": BodyConfig(shape="box", size=[8.0, 1.0, 0.2], texture=RED)}
    image, _ = picture(box, [[DISTANCE - 1.0, 0, 1.8]])  # it goes on behind the eye
    assert (image[..., 3] > 0).mean() > 0.2
