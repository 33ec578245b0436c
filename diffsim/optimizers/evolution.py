"""CMA-ES by the ``cma`` package, its population evaluated as one batch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, NamedTuple

import cma
import jax
import jax.numpy as jnp
import numpy as np

from diffsim.optimizers.config import OptimizerConfig
from diffsim.optimizers.optimizer import Optimizer, Problem, Report
from diffsim.programs import Program
from diffsim.validation import bounded


@dataclass
class EvolutionConfig(OptimizerConfig):
    """CMA-ES: no gradient; the population of each generation is one batch.

    Its full covariance has the square of the number of variables, and learns one for every
    evaluation or so. The separable form has a variance for each variable instead: it scales, but
    knows nothing of how variables depend on each other, and needs many times more evaluations than
    there are variables.
    """

    kind: str = bounded("cmaes", choices=("cmaes",))
    iterations: int = bounded(500, at_least=1)  # generations
    population: int | None = bounded(None, at_least=2)  # null: CMA-ES chooses by dimension
    covariance: str = bounded("auto", choices=("auto", "full", "separable"))  # auto: full to 1000
    sigma: float = bounded(1.0, above=0)  # first step size, in units of each variable's scale


# A loss that is not finite says nothing about how bad it is: it ranks behind all that are.
_WORST = 1e300

LARGEST_FULL = 1000
"""Most variables for which "auto" keeps a full covariance: 8 MB, and seconds to decompose."""


FEWEST = 2
"""Coordinates that pycma is given at least: it does not support a single one."""


class EvolutionState(NamedTuple):
    """pycma's object, and all losses so far, from which the object can be made again.

    Attributes:
        strategy: pycma's evolution strategy; ``step`` changes it in place.
        losses: one array (population,) for each generation.
        mean, sigma: of the strategy after these generations, shapes (coordinates,) and ().
    """

    strategy: cma.CMAEvolutionStrategy
    losses: tuple[np.ndarray, ...]
    mean: np.ndarray
    sigma: np.ndarray


class Evolution(Optimizer):
    """One generation an iteration; reports its best member.

    Random numbers come from a generator of our own, so that a run depends on its seed alone; a
    state is restored by replaying the stored losses, without pickle. A single variable gets a
    second coordinate beside it, on which nothing depends.

    A point whose loss is not finite ranks last, is never reported as the best, and is counted.

    Source: Hansen, "The CMA Evolution Strategy: A Comparing Review", 2006.
    """

    Config = EvolutionConfig
    flow = None

    def __init__(self, config: EvolutionConfig, problem: Problem, seed: int) -> None:
        self.config, self.problem, self.seed = config, problem, seed

        def evaluate(
            population: jax.Array, key: jax.Array
        ) -> tuple[jax.Array, dict[str, jax.Array]]:
            # All of a generation live through the same episodes.
            evaluation = jax.vmap(lambda x: problem.evaluate(x, key))(population)
            return evaluation.loss, evaluation.metrics

        self._evaluate = Program(evaluate)

    def init(self) -> EvolutionState:
        generator = np.random.default_rng(self.seed)
        options: dict[str, Any] = {
            "randn": lambda *shape: generator.standard_normal(shape),
            "seed": np.nan,  # leave NumPy's global generator alone
            "verbose": -9,
            "verb_log": 0,
            # The run ends by the task's measure or the iteration limit.
            "termination_callback": [],
        }
        separable = self.config.covariance == "separable" or (
            self.config.covariance == "auto" and self.problem.initial.size > LARGEST_FULL
        )
        options["CMA_diagonal"] = separable
        problem = self.problem
        if np.isfinite(problem.lower).any() or np.isfinite(problem.upper).any():
            options["bounds"] = [
                list(_widened(problem.lower, -np.inf)),
                list(_widened(problem.upper, np.inf)),
            ]
        if self.config.population is not None:
            options["popsize"] = self.config.population
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pycma warns that "randn" overrides "seed"
            strategy = cma.CMAEvolutionStrategy(
                _widened(problem.initial, 0.0), self.config.sigma, options
            )
        return _state(strategy, ())

    def step(self, state: EvolutionState) -> tuple[EvolutionState, Report]:
        points = np.stack(state.strategy.ask())
        population = points[:, : self.problem.initial.size]
        key = jax.random.fold_in(jax.random.key(self.seed), len(state.losses))
        losses, metrics = self._evaluate(jnp.asarray(population, self.problem.initial.dtype), key)
        losses = np.asarray(losses, float)
        finite = np.isfinite(losses)
        ranked = np.where(finite, losses, _WORST)
        best = int(np.argmin(ranked))
        report = Report(
            x=population[best],
            loss=float(losses[best]),
            metrics={name: float(values[best]) for name, values in metrics.items()},
            grad_norm=None,
            evaluations=len(population) * self.problem.episodes,
            not_finite=int(np.count_nonzero(~finite)),
        )
        state.strategy.tell(list(points), list(ranked))
        return _state(state.strategy, (*state.losses, ranked)), report

    def arrays(self, state: EvolutionState) -> dict[str, np.ndarray]:
        size = state.strategy.popsize
        return {
            "losses": np.stack(state.losses) if state.losses else np.zeros((0, size)),
            "mean": state.mean,
            "sigma": state.sigma,
        }

    def restore(self, arrays: dict[str, np.ndarray]) -> EvolutionState:
        state = self.init()
        size = state.strategy.popsize
        if set(arrays) != {"losses", "mean", "sigma"} or arrays["losses"].shape[1:] != (size,):
            shapes = {name: array.shape for name, array in arrays.items()}
            raise ValueError(
                f"expected losses of shape (generations, {size}), mean and sigma, got {shapes}"
            )
        for losses in arrays["losses"]:
            state.strategy.tell(state.strategy.ask(), list(losses))
        mean, sigma = state.strategy.mean, state.strategy.sigma
        if not np.array_equal(mean, arrays["mean"]) or sigma != arrays["sigma"]:
            raise ValueError(
                f"replaying {len(arrays['losses'])} generations gives another state than expected: "
                "the losses are those of another seed, step size or problem"
            )
        return _state(state.strategy, tuple(arrays["losses"]))


def _state(strategy: cma.CMAEvolutionStrategy, losses: tuple[np.ndarray, ...]) -> EvolutionState:
    """The state after a generation; pycma's own numbers change with the next one."""
    return EvolutionState(strategy, losses, np.array(strategy.mean), np.array(strategy.sigma))


def _widened(values: np.ndarray, beside: float) -> np.ndarray:
    """One value for each of pycma's coordinates, ``beside`` for those that are no variable."""
    missing = max(0, FEWEST - values.size)
    return np.pad(np.asarray(values, float), (0, missing), constant_values=beside)
