"""Gradient descent by back-propagation through time, with optax's optimisers."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from diffsim.engine.gradient_flow import GradientFlow
from diffsim.optimizers.config import GradientConfig
from diffsim.optimizers.optimizer import (
    Problem,
    Report,
    arrays_to_tree,
    tree_to_arrays,
)
from diffsim.validation import ConfigError


class GradientState(NamedTuple):
    """The point to evaluate next, how often that was done, and optax's state."""

    x: jax.Array
    iteration: jax.Array
    optax_state: Any


class GradientDescent:
    """One gradient and one update an iteration; x is kept within its bounds by projection.

    A gradient that is not finite changes nothing and is counted.
    """

    def __init__(self, config: GradientConfig, problem: Problem, seed: int) -> None:
        self.problem = problem
        # The run ends before optax would let such a gradient pass.
        self.transformation = optax.apply_if_finite(
            make_transformation(config), config.max_skipped + 1
        )
        lower, upper = jnp.asarray(problem.lower), jnp.asarray(problem.upper)
        flow = gradient_flow(config)
        self.clip_norm = config.clip_norm

        def loss(x: jax.Array, key: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
            evaluation = problem.evaluate(x, key, flow)
            return evaluation.loss, evaluation.metrics

        # The seed is an argument: runs with another one find the same compiled program.
        self._key = jax.random.key(seed)

        @jax.jit
        def iterate(state: GradientState, key: jax.Array) -> Any:
            now = jax.random.fold_in(key, state.iteration)
            (value, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(state.x, now)
            updates, optax_state = self.transformation.update(gradient, state.optax_state, state.x)
            x = jnp.clip(optax.apply_updates(state.x, updates), lower, upper)
            new = GradientState(x, state.iteration + 1, optax_state)
            return new, value, metrics, jnp.linalg.norm(gradient), now

        self._iterate = iterate

    def init(self) -> GradientState:
        x = jnp.asarray(self.problem.initial)
        return GradientState(x, jnp.zeros((), jnp.int32), self.transformation.init(x))

    def step(self, state: GradientState) -> tuple[GradientState, Report]:
        new_state, loss, metrics, norm, key = self._iterate(state, self._key)
        return new_state, Report(
            x=np.asarray(state.x),
            loss=float(loss),
            metrics={name: float(value) for name, value in metrics.items()},
            grad_norm=float(norm),
            evaluations=self.problem.episodes,
            clipped=None if self.clip_norm is None else bool(norm > self.clip_norm),
            skipped=int(new_state.optax_state.notfinite_count),
            key=key,
        )

    def arrays(self, state: GradientState) -> dict[str, np.ndarray]:
        return tree_to_arrays(state)

    def restore(self, arrays: dict[str, np.ndarray]) -> GradientState:
        restored: GradientState = arrays_to_tree(arrays, self.init())
        return restored


def gradient_flow(config: GradientConfig) -> GradientFlow:
    """How the gradient passes back from step to step."""
    return GradientFlow(config.gradient_decay, config.cotangent_limit, config.truncation)


def make_schedule(config: GradientConfig) -> optax.Schedule:
    """The learning rate by iteration, from ``learning_rate`` down to its final share."""
    rate, share, steps = config.learning_rate, config.final_learning_rate, config.iterations
    match config.schedule:
        case "exponential":
            return optax.exponential_decay(rate, steps, share)
        case "linear":
            return optax.linear_schedule(rate, rate * share, steps)
        case "cosine":
            return optax.cosine_decay_schedule(rate, steps, share)
        case _:
            return optax.constant_schedule(rate)


def make_transformation(config: GradientConfig) -> optax.GradientTransformation:
    """optax's optimiser of the config's name, after clipping.

    Raises:
        ConfigError: if an option is not one of the method's.
    """
    method = getattr(optax, config.method)
    allowed = [
        name
        for name, parameter in inspect.signature(method).parameters.items()
        if name != "learning_rate"
        and not callable(parameter.default)
        and isinstance(parameter.default, float | int | type(None))
    ]
    for name, value in config.options.items():
        if name not in allowed:
            raise ConfigError(
                f"optimizer.options.{name} must be one of {', '.join(allowed)} "
                f"for {config.method}, got {name}={value}"
            )
    try:
        update = method(learning_rate=make_schedule(config), **config.options)
    except ValueError as error:
        raise ConfigError(f"optimizer.options: {error} (got {dict(config.options)})") from error
    if config.clip_norm is None:
        return update
    return optax.chain(optax.clip_by_global_norm(config.clip_norm), update)
