"""An optimiser: random search, the best of several points around the best so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.optimizers.config import OptimizerConfig
from diffsim.optimizers.optimizer import Optimizer, Problem, Report
from diffsim.optimizers.table import OPTIMIZERS
from diffsim.programs import Program
from diffsim.validation import bounded


@dataclass
class RandomSearchConfig(OptimizerConfig):
    """Random search: the best of several points around the best so far."""

    kind: str = bounded("random_search", choices=("random_search",))
    points: int = bounded(16, at_least=2)  # of each iteration, the best so far among them
    sigma: float = bounded(1.0, above=0)  # first distance, in units of each variable's scale


class RandomSearch(Optimizer):
    """Draws points around the best one, at a distance that shrinks when none of them is better."""

    Config = RandomSearchConfig
    flow = None

    def __init__(self, config: RandomSearchConfig, problem: Problem, seed: int) -> None:
        self.config, self.problem = config, problem
        self._key = jax.random.key(seed)
        lower, upper = jnp.asarray(problem.lower), jnp.asarray(problem.upper)

        def draw(x: jax.Array, sigma: jax.Array, iteration: jax.Array, key: jax.Array) -> Any:
            keys = jax.random.split(jax.random.fold_in(key, iteration))
            noise = jax.random.normal(keys[0], (config.points - 1, *x.shape), x.dtype)
            tried = jnp.concatenate([x[None], jnp.clip(x + sigma * noise, lower, upper)])
            found = jax.vmap(lambda point: problem.evaluate(point, keys[1]))(tried)
            loss = jnp.where(jnp.isfinite(found.loss), found.loss, jnp.inf)
            best = jnp.argmin(loss)
            metrics = {name: values[best] for name, values in found.metrics.items()}
            return tried[best], found.loss[best], metrics, best > 0, jnp.sum(jnp.isinf(loss))

        self._draw = Program(draw)

    def init(self) -> dict[str, np.ndarray]:
        x = np.asarray(self.problem.initial)
        return {"x": x, "sigma": np.asarray(self.config.sigma, x.dtype), "iteration": np.asarray(0)}

    def step(self, state: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], Report]:
        x, loss, metrics, better, lost = self._draw(
            state["x"], state["sigma"], state["iteration"], self._key
        )
        sigma = state["sigma"] * (1.1 if better else 0.7)
        new = {
            "x": np.asarray(x),
            "sigma": np.asarray(sigma, state["sigma"].dtype),
            "iteration": state["iteration"] + 1,
        }
        return new, Report(
            x=new["x"],
            loss=float(loss),
            metrics={name: float(value) for name, value in metrics.items()},
            grad_norm=None,
            evaluations=self.config.points * self.problem.episodes,
            not_finite=int(lost),
        )

    def arrays(self, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return state

    def restore(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = self.init()
        if any(name not in arrays or arrays[name].shape != found[name].shape for name in found):
            raise ValueError(f"expected {', '.join(found)} of this problem, got {[*arrays]}")
        return arrays


OPTIMIZERS.add("random_search", RandomSearch)
