"""Gradient descent by back-propagation through time, with optax's optimisers."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from diffsim.optimizers.config import OptimizerConfig
from diffsim.optimizers.optimizer import (
    Optimizer,
    Problem,
    Report,
    arrays_to_tree,
    tree_to_arrays,
)
from diffsim.programs import Program
from diffsim.simulate.gradient_flow import GradientFlow
from diffsim.tasks.config import TaskConfig
from diffsim.validation import ConfigError, bounded

OPTAX_METHODS = (
    "adabelief",
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamaxw",
    "adamw",
    "adan",
    "amsgrad",
    "fromage",
    "lamb",
    "lars",
    "lion",
    "nadam",
    "nadamw",
    "novograd",
    "optimistic_adam_v2",
    "optimistic_gradient_descent",
    "radam",
    "rmsprop",
    "sgd",
    "sign_sgd",
    "signum",
    "yogi",
)
"""optax's optimisers that take a schedule for the learning rate and need no key of their own."""

SCHEDULES = ("constant", "exponential", "linear", "cosine")


@dataclass
class GradientConfig(OptimizerConfig):
    """First-order descent by back-propagation, with any of optax's optimisers."""

    kind: str = bounded("gradient", choices=("gradient",))
    method: str = bounded("adam", choices=OPTAX_METHODS)
    learning_rate: float = bounded(0.001, above=0)  # in units of each variable's scale
    schedule: str = bounded("constant", choices=SCHEDULES)
    final_learning_rate: float = bounded(0.1, above=0, at_most=1)  # share left at the last one
    clip_norm: float | None = bounded(None, above=0)  # limit of the gradient's L2 norm
    # How far above the best loss so far a point may be, before the next step starts from the best
    # one again and is half as long; null: never. Where all episodes are the same one.
    backtrack: float | None = bounded(None, at_least=0)
    # How the gradient passes back in time; 1, null and null leave it exact.
    gradient_decay: float = bounded(1.0, above=0, at_most=1)  # α per time step
    cotangent_limit: float | None = bounded(None, above=0)  # of the state's, at every time step
    truncation: int | None = bounded(None, at_least=1)  # [time steps] after which it ends
    # Gradients in a row that are not finite, and are skipped, before the run has diverged.
    max_skipped: int = bounded(10, at_least=1)
    options: dict[str, float] = field(default_factory=dict)  # of the method, such as b1 and b2

    def check(self, task: TaskConfig) -> None:
        """Check that losses are compared only where episodes are all the same one."""
        if self.backtrack is not None and task.varies:
            raise ConfigError(
                "optimizer.backtrack must be null: episodes of this task differ, and so do their "
                f"losses, got {self.backtrack}"
            )


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


class GradientDescent(Optimizer):
    """One gradient and one update an iteration; x is kept within its bounds by projection.

    A gradient that is not finite changes nothing and is counted. With ``backtrack``, a point is
    gone back from whose loss is too far above that of the best so far, or where loss or gradient
    are not finite: the step that led away from the best point is made again, half as long, and so
    are those that follow; every better point lengthens them by a tenth again.
    """

    Config = GradientConfig

    def __init__(self, config: GradientConfig, problem: Problem, seed: int) -> None:
        self.problem = problem
        self.flow = flow = GradientFlow(
            config.gradient_decay, config.cotangent_limit, config.truncation
        )
        self.max_skipped = config.max_skipped
        # The run ends before optax would let such a gradient pass.
        self.transformation = optax.apply_if_finite(
            make_transformation(config), config.max_skipped + 1
        )
        lower, upper = jnp.asarray(problem.lower), jnp.asarray(problem.upper)
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
            goes_on=0 < skipped < self.max_skipped,
            not_finite=int(skipped > 0),
            key=key,
        )

    def arrays(self, state: GradientState) -> dict[str, np.ndarray]:
        return tree_to_arrays(state)

    def restore(self, arrays: dict[str, np.ndarray]) -> GradientState:
        return self._place(arrays_to_tree(arrays, self.init()))

    def _place(self, state: GradientState) -> GradientState:
        """Put x where an iteration leaves it: else the second one would be compiled anew."""
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
    """Choose the point of the next step, the step, optax's state after it, and the best."""
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
