"""What is drawn of a body."""

from __future__ import annotations

import numpy as np
import pytest

from diffsim.reporting.surfaces import MARKER, drawn_geoms

GEOM = {"radius": None, "size": None, "texture": None, "position": None, "orientation": None}


def test_a_shape_is_drawn_at_the_bodys_frame() -> None:
    (drawn,) = drawn_geoms("a", {"shape": "box", "size": [0.1, 0.2, 0.2], "texture": {"seed": 1}})
    assert (drawn.name, drawn.shape, drawn.size) == ("a", "box", [0.1, 0.2, 0.2])
    assert drawn.reach == pytest.approx(0.15)
    np.testing.assert_array_equal(drawn.rotation, np.eye(3))


def test_geoms_are_drawn_at_their_places() -> None:
    left = {**GEOM, "shape": "sphere", "radius": 0.1, "position": [0.0, 0.3, 0.0]}
    turned = {**GEOM, "shape": "box", "size": [1.0, 1.0, 1.0], "orientation": [1.0, 0.0, 0.0, 1.0]}
    rod = {**GEOM, "shape": "capsule", "radius": 0.1}
    body = {"shape": None, "texture": None, "geoms": {"l": left, "t": turned, "r": rod}}
    first, second = drawn_geoms("a", body)
    assert (first.name, first.size, first.position.tolist()) == ("a.l", [0.1], [0.0, 0.3, 0.0])
    np.testing.assert_allclose(second.rotation[:, 0], [0.0, 1.0, 0.0], atol=1e-12)


def test_a_ball_stands_for_a_body_of_which_nothing_can_be_drawn() -> None:
    (drawn,) = drawn_geoms("a", {"shape": "capsule", "radius": 0.1, "geoms": {}})
    assert (drawn.shape, drawn.size) == ("sphere", [MARKER])
