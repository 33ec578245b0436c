"""Gradient descent by back-propagation through time, with optax's optimisers."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from diffsim.optimizers.config import GradientConfig
from diffsim.optimizers.optimizer import (
    Problem,
    Report,
    arrays_to_tree,
    tree_to_arrays,
)
from diffsim.programs import Program
from diffsim.simulate.gradient_flow import GradientFlow
from diffsim.validation import ConfigError


class BestUpdate(NamedTuple):
    """The best point so far, and how it went on from there.

    Attributes:
        loss, x: of the point, shapes () and (variables,).
        updates: the step that optax made of its gradient, shape (variables,).
        optax_state: after that.
        share: of a step that is taken, halved by every one that has failed, shape ().
    """

    loss: jax.Array
    x: jax.Array
    updates: jax.Array
    optax_state: Any
    share: jax.Array


class GradientState(NamedTuple):
    """The point to evaluate next, how often that was done, optax's state, and where to go back."""

    x: jax.Array
    iteration: jax.Array
    optax_state: Any
    best: BestUpdate | None


class GradientDescent:
    """One gradient and one update an iteration; x is kept within its bounds by projection.

    A gradient that is not finite changes nothing and is counted. With ``backtrack``, a point is
    gone back from whose loss is too far above that of the best so far, or where loss or gradient
    are not finite: the step that led away from the best point is made again, half as long, and so
    are those that follow; every better point lengthens them by a tenth again.
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
        self.backtrack = backtrack = config.backtrack

        def loss(x: jax.Array, key: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
            evaluation = problem.evaluate(x, key, flow)
            return evaluation.loss, evaluation.metrics

        # The seed is an argument: runs with another one find the same compiled program.
        self._key = jax.random.key(seed)

        def iterate(state: GradientState, key: jax.Array) -> Any:
            now = jax.random.fold_in(key, state.iteration)
            (value, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(state.x, now)
            gradient, norm = clip(gradient, config.clip_norm)
            updates, optax_state = self.transformation.update(gradient, state.optax_state, state.x)
            x, best = state.x, state.best
            if best is not None and backtrack is not None:
                x, updates, optax_state, best = _backtrack(
                    best, value, x, updates, optax_state, backtrack
                )
            x = jnp.clip(optax.apply_updates(x, updates), lower, upper)
            new = GradientState(x, state.iteration + 1, optax_state, best)
            return new, value, metrics, norm, now

        self._iterate = Program(iterate)

    def init(self) -> GradientState:
        x = jnp.asarray(self.problem.initial)
        optax_state = self.transformation.init(x)
        best = None
        if self.backtrack is not None:
            infinite, whole = jnp.full((), jnp.inf, x.dtype), jnp.ones((), x.dtype)
            best = BestUpdate(infinite, x, jnp.zeros_like(x), optax_state, whole)
        return self._place(GradientState(x, jnp.zeros((), jnp.int32), optax_state, best))

    def step(self, state: GradientState) -> tuple[GradientState, Report]:
        new_state, loss, metrics, norm, key = self._iterate(state, self._key)
        skipped = int(new_state.optax_state.notfinite_count)
        return new_state, Report(
            x=np.asarray(state.x),
            loss=float(loss),
            metrics={name: float(value) for name, value in metrics.items()},
            grad_norm=float(norm),
            evaluations=self.problem.episodes,
            clipped=None if self.clip_norm is None else bool(norm > self.clip_norm),
            skipped=skipped,
            not_finite=int(skipped > 0),
            key=key,
        )

    def arrays(self, state: GradientState) -> dict[str, np.ndarray]:
        return tree_to_arrays(state)

    def restore(self, arrays: dict[str, np.ndarray]) -> GradientState:
        return self._place(arrays_to_tree(arrays, self.init()))

    def _place(self, state: GradientState) -> GradientState:
        """Where an iteration leaves it: else the second one would be compiled anew."""
        if self.problem.sharding is None:
            return state
        placed: GradientState = jax.device_put(state, self.problem.sharding)
        return placed


def clip(gradient: jax.Array, limit: float | None) -> tuple[jax.Array, jax.Array]:
    """The gradient, scaled down to a norm if it has a larger one, and the norm that it had.

    A gradient whose squares are beyond the range of the numbers is clipped like any other; one that
    is not finite stays so. (optax's limit would make zeros of the former.)
    """
    top = jnp.max(jnp.abs(gradient), initial=0.0)
    unit = jnp.where(top > 0.0, top, 1.0)
    norm = unit * jnp.linalg.norm(gradient / unit)
    if limit is None:
        return gradient, norm
    return gradient * jnp.where(norm > limit, limit / norm, 1.0), norm


def _backtrack(
    best: BestUpdate,
    loss: jax.Array,
    x: jax.Array,
    updates: jax.Array,
    optax_state: Any,
    tolerance: float,
) -> tuple[jax.Array, jax.Array, Any, BestUpdate]:
    """From where the next step is made, the step, optax's state after it, and the best so far."""
    skipped = optax_state.notfinite_count
    accepted = (loss <= best.loss + tolerance) & (skipped == 0)  # false, too, for no number
    better = accepted & (loss < best.loss)
    # It grows with a better point alone: a way that has failed is not taken again.
    grown = jnp.where(better, jnp.minimum(1.0, 1.1 * best.share), best.share)
    share = jnp.where(accepted, grown, 0.5 * best.share)

    def choose(condition: jax.Array, yes: Any, no: Any) -> Any:
        return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)

    x, updates, optax_state = choose(
        accepted, (x, updates, optax_state), (best.x, best.updates, best.optax_state)
    )
    here = BestUpdate(loss, x, updates, optax_state, share)
    best = choose(better, here, best._replace(share=share))
    # How many gradients in a row were not finite does not depend on where it goes on.
    return x, share * updates, optax_state._replace(notfinite_count=skipped), best


def gradient_flow(config: GradientConfig) -> GradientFlow:
    """How the gradient passes back from step to step."""
    return GradientFlow(config.gradient_decay, config.cotangent_limit, config.truncation)


def make_schedule(config: GradientConfig) -> optax.Schedule:
    """The learning rate by iteration, from ``learning_rate`` down to its final share."""
    # As arrays, so that another number is the same program.
    rate, share, steps = (
        jnp.asarray(number, float)
        for number in (config.learning_rate, config.final_learning_rate, config.iterations)
    )
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
    """optax's optimiser of the config's name.

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
        return method(learning_rate=make_schedule(config), **config.options)
    except ValueError as error:
        raise ConfigError(f"optimizer.options: {error} (got {dict(config.options)})") from error
