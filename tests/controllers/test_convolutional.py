"""The net that sees: its size, its convolutions against XLA's, and what it remembers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.controllers.convolutional import ConvolutionalConfig, patches
from tests.kinds import make_controller

IMAGE = (2, 12, 20)
SMALL = ConvolutionalConfig(
    channels=[4, 5], kernels=[3, 2], strides=[2, 2], hidden=[6], zero_output=False, contrast=2.0
)
# Sums in another order, in float32.
ROUND_OFF = 1e-5


def test_the_preset_has_about_as_many_parameters_as_the_papers_net():
    controller = make_controller(ConvolutionalConfig(), 0, 1, (1, 96, 288))
    parameters, past = controller.init(jax.random.key(0))
    count = sum(leaf.size for leaf in jax.tree.leaves(parameters))
    assert count == 1_065_975
    assert abs(count / 1_065_888 - 1.0) < 0.01
    assert past.shape == (2, 1, 96, 288)


@pytest.mark.parametrize(("kernel", "stride"), [(4, 4), (3, 3), (3, 2), (5, 1), (2, 3)])
def test_products_with_patches_are_convolutions(kernel, stride):
    keys = jax.random.split(jax.random.key(kernel), 2)
    image = jax.random.normal(keys[0], (3, 14, 17))
    weights = jax.random.normal(keys[1], (6, 3, kernel, kernel))
    ours = jnp.tensordot(weights.reshape(6, -1), patches(image, kernel, stride), 1)
    theirs = jax.lax.conv_general_dilated(image[None], weights, (stride, stride), "VALID")[0]
    np.testing.assert_allclose(ours, theirs, rtol=ROUND_OFF, atol=10 * ROUND_OFF)


def test_robots_side_by_side_are_treated_alike():
    controller = make_controller(SMALL, 0, 3, IMAGE)
    parameters, _ = controller.init(jax.random.key(1))
    images = jax.random.uniform(jax.random.key(2), (*IMAGE, 4))
    past = jax.random.uniform(jax.random.key(3), (2, *IMAGE, 4))
    new, commands = controller.apply(parameters, past, images)
    assert commands.shape == (3, 4)
    assert np.abs(commands).min() > 1e-4
    for k in range(4):
        one, alone = controller.apply(parameters, past[..., k], images[..., k])
        np.testing.assert_allclose(commands[:, k], alone, rtol=10 * ROUND_OFF, atol=ROUND_OFF)
        np.testing.assert_array_equal(new[..., k], one)


def test_it_remembers_the_last_images_and_begins_as_if_nothing_had_moved():
    controller = make_controller(SMALL, 0, 3, IMAGE)
    parameters, _ = controller.init(jax.random.key(1))
    images = jax.random.uniform(jax.random.key(4), (4, *IMAGE))
    memory = controller.remember(images[0])
    np.testing.assert_array_equal(memory, jnp.stack([images[0], images[0]]))
    for image in images[1:]:
        memory, last = controller.apply(parameters, memory, image)
    np.testing.assert_array_equal(memory, images[:1:-1])
    commands = controller.unroll(parameters, controller.remember(images[0]), images[1:])
    np.testing.assert_allclose(commands[-1], last, rtol=ROUND_OFF, atol=ROUND_OFF)
