"""Cameras of robots: what they see from where, of one robot and of several, and bad settings."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from diffsim.camera.camera import Camera
from diffsim.camera.patterns import draw_texture
from diffsim.robots.appearance import CameraConfig, PlaneConfig, TextureConfig
from diffsim.robots.config import BodyConfig, JointConfig, RobotConfig
from diffsim.robots.replace import replace
from diffsim.simulate.batch import side_by_side
from diffsim.validation import ConfigError
from tests.worlds import build, with_motion

ROUND_OFF = 1e-5
WHITE = [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
RED = [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def robot(**cameras: CameraConfig) -> RobotConfig:
    """A white ball 2 m ahead of the origin, which looks along x, with a red one on its left."""
    return RobotConfig(
        name="seen",
        bodies={
            "white": BodyConfig(
                shape="sphere",
                radius=0.4,
                position=[2.0, 0.0, 1.0],
                texture=TextureConfig(colors=WHITE),
            ),
            "red": BodyConfig(shape="sphere", radius=0.2, texture=TextureConfig(colors=RED)),
        },
        joints={
            "side": JointConfig(
                type="fixed", parent="white", child="red", parent_offset=[0.0, 0.8, 0.0]
            )
        },
        scenery={
            "wall": PlaneConfig(
                position=[6.0, 0.0, 0.0],
                orientation=[0.7071068, 0.0, -0.7071068, 0.0],
                texture=TextureConfig(pattern="noise"),
            )
        },
        cameras=cameras,
    )


FRONT = CameraConfig(position=[0.0, 0.0, 1.0], resolution=[60, 40])


def image(config: CameraConfig, **changes) -> np.ndarray:
    seen = replace(robot(front=config), changes)
    world, state = build(seen)
    return np.asarray(jax.jit(Camera(seen, config).see)(world, state))


def middle_of(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(rows.mean()), float(columns.mean())


def test_left_is_left_and_up_is_up():
    red = (lambda c: (c[0] > 0.1) & (c[1] < 0.05))(image(FRONT))
    row, column = middle_of(red)
    assert red.sum() > 20
    assert row == pytest.approx(19.5, abs=0.6)
    # 0.8 m to the left, 2 m ahead: 0.4 f of a sensor that is 2 f wide.
    assert column == pytest.approx(29.5 - 0.2 * 60, abs=0.6)
    above = image(CameraConfig(position=[0.0, 0.0, 0.5], resolution=[60, 40]))
    assert middle_of((above[0] > 0.1) & (above[1] < 0.05))[0] < 15


def test_look_at_turns_the_camera_towards_a_point():
    config = CameraConfig(position=[0.0, 0.0, 1.0], look_at=[2.0, 0.8, 1.0], resolution=[60, 40])
    seen = image(config)
    assert middle_of((seen[0] > 0.1) & (seen[1] < 0.05)) == pytest.approx((19.5, 29.5), abs=0.6)


def test_a_camera_on_a_body_moves_with_it():
    carried = CameraConfig(body="white", position=[-2.0, 0.0, 0.0], resolution=[60, 40])
    np.testing.assert_allclose(image(carried), image(FRONT), atol=ROUND_OFF)


def test_grey_is_the_luma_of_the_colours():
    grey = CameraConfig(position=[0.0, 0.0, 1.0], resolution=[60, 40], grey=True)
    colors = image(FRONT)
    luma = 0.299 * colors[0] + 0.587 * colors[1] + 0.114 * colors[2]
    np.testing.assert_allclose(image(grey)[0], luma, atol=ROUND_OFF)


def test_several_robots_are_seen_as_each_one_is():
    seen = robot(front=FRONT)
    world, state = build(seen)
    camera = Camera(seen, FRONT)
    several, states = side_by_side(world, state, 3)
    shift = jnp.asarray([0.0, 0.2, -0.3])
    position = states.pose.position._replace(y=states.pose.position.y + shift)
    images = jax.jit(camera.see)(several, with_motion(states, position=position))
    assert images.shape == (3, 3, 40, 60)
    for k in range(3):
        moved = state.pose.position._replace(y=state.pose.position.y + shift[k])
        alone = jax.jit(camera.see)(world, with_motion(state, position=moved))
        np.testing.assert_allclose(images[k], alone, atol=ROUND_OFF)


def test_colours_and_sizes_may_be_variables():
    seen = robot(front=FRONT)
    world, state = build(seen)

    def brightness(color, radius):
        changed = replace(
            seen,
            {"bodies.white.texture.colors": [[color] * 3] * 2, "bodies.white.radius": radius},
        )
        return jnp.sum(Camera(changed, FRONT).see(world, state))

    gradient = jax.grad(brightness, argnums=(0, 1))(jnp.asarray(0.5), jnp.asarray(0.4))
    assert gradient[0] > 100.0
    assert jnp.isfinite(gradient[1])


@pytest.mark.parametrize("pattern", ["plain", "checker", "stripes", "waves", "noise"])
def test_textures_are_drawn(pattern):
    drawn = np.asarray(draw_texture(TextureConfig(pattern=pattern, texels=[24, 16]), "texture"))
    assert drawn.shape == ((1, 1, 3) if pattern == "plain" else (16, 24, 3))
    assert drawn.min() >= 0.25 - ROUND_OFF
    assert drawn.max() <= 0.85 + ROUND_OFF
    assert (np.ptp(drawn) > 0.3) == (pattern != "plain")


def test_a_texture_may_be_a_picture(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    config = TextureConfig(pattern="image", file=str(tmp_path / "picture.png"))
    np.testing.assert_allclose(draw_texture(config, "texture"), pixels / 255.0, atol=ROUND_OFF)
    (tmp_path / "picture.png").write_bytes(b"no picture")
    with pytest.raises(ConfigError, match=r"texture\.file must be a PNG picture, got"):
        draw_texture(config, "texture")


@pytest.mark.parametrize(
    ("camera", "says"),
    [
        ({"body": "nobody"}, r"robot\.cameras\.front\.body must be one of white, red, got"),
        ({"look_at": [0.0, 0.0, 5.0]}, r"look_at must not be its position, nor straight above"),
        ({"orientation": [0.0] * 4}, r"robot\.cameras\.front\.orientation must not be zero"),
        ({"focal_length": 0.0}, r"robot\.cameras\.front\.focal_length must be > 0"),
        ({"resolution": [0, 3]}, r"robot\.cameras\.front\.resolution\[0\] must be >= 1"),
    ],
)
def test_bad_cameras_are_named(camera, says):
    seen = robot(front=CameraConfig(**camera))
    with pytest.raises(ConfigError, match=says):
        build(seen)


@pytest.mark.parametrize(
    ("texture", "says"),
    [
        ({"pattern": "image"}, r"texture\.file must be given for the pattern image"),
        ({"file": "a.png"}, r"texture\.file must be null for the pattern plain, got a\.png"),
        ({"colors": [[0.0, 0.0, 0.0]]}, r"texture\.colors must be two colours of three numbers"),
        ({"colors": [[0, 0, 2], [0, 0, 0]]}, r"texture\.colors\[0\]\[2\] must be <= 1"),
    ],
)
def test_bad_textures_are_named(texture, says):
    seen = replace(robot(), {"bodies.white.texture": TextureConfig(**texture)})
    with pytest.raises(ConfigError, match=says):
        build(seen)
