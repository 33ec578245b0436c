"""What a run records of a robot's surfaces: what pictures and replays draw."""

from __future__ import annotations

import json

import numpy as np
import pytest

from diffsim.robots.appearance import PlaneConfig, TextureConfig
from diffsim.robots.config import BodyConfig, GeomConfig, RobotConfig
from diffsim.robots.surfaces import MARKER, surfaces_record
from tests.robots_in_package import ARTICULATED, robot_config

RED = TextureConfig(colors=[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])


def record(**bodies: BodyConfig) -> dict:
    return surfaces_record(RobotConfig(name="thing", bodies=bodies))


def extents(surface: dict, record: dict) -> list[float]:
    return np.ptp(record["meshes"][surface["mesh"]]["vertices"], axis=0).tolist()


def test_a_shape_is_recorded_at_the_bodys_frame() -> None:
    found = record(a=BodyConfig(shape="box", size=[0.1, 0.2, 0.3], texture=RED))
    (surface,) = found["bodies"]
    assert (surface["name"], surface["body"]) == ("a", "a")
    assert extents(surface, found) == pytest.approx([0.1, 0.2, 0.3])
    assert surface["position"] == [0.0, 0.0, 0.0]
    assert surface["rotation"] == np.eye(3).tolist()
    assert surface["colors"] == [[1.0, 0.0, 0.0]]


def test_geoms_are_recorded_at_their_places() -> None:
    left = GeomConfig(shape="sphere", radius=0.1, position=[0.0, 0.3, 0.0])
    turned = GeomConfig(shape="box", size=[1.0, 1.0, 1.0], orientation=[1.0, 0.0, 0.0, 1.0])
    found = record(a=BodyConfig(texture=RED, geoms={"l": left, "t": turned}))
    first, second = found["bodies"]
    assert (first["name"], first["body"], second["name"]) == ("a.l", "a", "a.t")
    assert first["position"] == pytest.approx([0.0, 0.3, 0.0])
    np.testing.assert_allclose(np.array(second["rotation"])[:, 0], [0.0, 1.0, 0.0], atol=1e-6)
    assert first["colors"] == [[1.0, 0.0, 0.0]]


def test_surfaces_that_are_alike_share_a_mesh() -> None:
    ball = BodyConfig(shape="sphere", radius=0.1)
    found = record(a=ball, b=ball, c=BodyConfig(shape="sphere", radius=0.2))
    assert [surface["mesh"] for surface in found["bodies"]] == [0, 0, 1]


def test_a_ball_stands_for_a_body_without_surfaces() -> None:
    found = record(a=BodyConfig(mass=1.0, inertia=[1.0, 1.0, 1.0]))
    (surface,) = found["bodies"]
    assert extents(surface, found) == pytest.approx([2.0 * MARKER] * 3)


def test_scenery_that_ends_somewhere_is_recorded() -> None:
    wall = PlaneConfig(position=[0.0, 1.0, 0.5], size=[2.0, 1.0], limited=True)
    robot = RobotConfig(name="thing", scenery={"wall": wall, "floor": PlaneConfig()})
    found = surfaces_record(robot)
    (surface,) = found["scenery"]
    assert (surface["name"], surface["position"]) == ("wall", [0.0, 1.0, 0.5])
    assert extents(surface, found) == pytest.approx([2.0, 1.0, 0.0])


def test_a_colour_that_the_robot_does_not_say_is_left_open() -> None:
    picture = TextureConfig(pattern="image", file="a.png")
    checker = TextureConfig(pattern="checker", colors=[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    textures = [TextureConfig(), picture, checker]
    bodies = {
        f"b{k}": BodyConfig(shape="sphere", radius=0.1, texture=texture)
        for k, texture in enumerate(textures)
    }
    found = record(**bodies)
    assert [s["colors"] for s in found["bodies"]] == [None, None, checker.colors]


@pytest.mark.parametrize("name", ["ball", *ARTICULATED])
def test_every_robot_of_the_package_is_recorded_as_json(name: str) -> None:
    robot = robot_config(name)
    found = surfaces_record(robot)
    assert json.loads(json.dumps(found)) == found
    assert {surface["body"] for surface in found["bodies"]} == set(robot.bodies)
