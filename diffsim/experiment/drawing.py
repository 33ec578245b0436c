"""Drawing the numbers of an episode from their distributions."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from diffsim.experiment.randomization import CUT, Distribution


class Urn:
    """Distributions of numbers of a config, by the numbers' paths.

    Their parameters are arrays: a program that draws is the same for others.
    """

    def __init__(self, distributions: Mapping[str, Distribution]) -> None:
        self._distributions = {
            path: Distribution(kind, jnp.asarray(first, float), jnp.asarray(second, float))
            for path, (kind, first, second) in distributions.items()
        }

    def draw(self, key: jax.Array) -> dict[str, jax.Array] | None:
        """The numbers of one episode by their paths, each of shape (); None if there are none."""
        if not self._distributions:
            return None
        keys = jax.random.split(key, len(self._distributions))
        drawn = zip(keys, self._distributions.items(), strict=True)
        return {path: draw_one(distribution, key) for key, (path, distribution) in drawn}


def draw_one(distribution: Distribution, key: jax.Array) -> jax.Array:
    """One number of a distribution, shape ()."""
    kind, first, second = distribution
    if kind == "normal":
        return first + second * jax.random.truncated_normal(key, -CUT, CUT)
    share = jax.random.uniform(key)
    if kind == "log_uniform":
        return first * (second / first) ** share
    return first + (second - first) * share
