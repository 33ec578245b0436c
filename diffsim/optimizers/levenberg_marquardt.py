"""Levenberg-Marquardt on a task's residuals, by optimistix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox
import jax
import jax.numpy as jnp
import numpy as np
import optimistix

from diffsim.optimizers.config import OptimizerConfig
from diffsim.optimizers.optimizer import (
    Optimizer,
    Problem,
    Report,
    arrays_to_tree,
    tree_to_arrays,
)
from diffsim.programs import hoist
from diffsim.tasks.config import TaskConfig
from diffsim.tasks.table import TASKS
from diffsim.validation import ConfigError, bounded


@dataclass
class LevenbergMarquardtConfig(OptimizerConfig):
    """Second-order descent for small problems whose loss is a sum of squares."""

    kind: str = bounded("lm", choices=("lm",))
    iterations: int = bounded(50, at_least=1)

    def check(self, task: TaskConfig) -> None:
        """Check that the loss is a sum of squares."""
        if not task.has_residuals:
            fitting = [name for name in TASKS.own if TASKS[name].Config.has_residuals]
            raise ConfigError(
                "optimizer=lm needs a task whose loss is a sum of squares, which must be one of "
                f"{', '.join(fitting)}, got {task.kind}"
            )


class LevenbergMarquardtState(NamedTuple):
    """The best point so far, and optimistix's state."""

    x: jax.Array
    solver_state: Any


class LevenbergMarquardt(Optimizer):
    """One residual and its Jacobian an iteration; reports the best point so far.

    The Jacobian costs about as many simulations as there are variables, in forward mode. A proposed
    point outside the bounds is moved to the nearest one inside before it is evaluated.

    What is random in the episodes stays the same in all iterations.

    Source: Moré, "The Levenberg-Marquardt algorithm: implementation and theory", 1978.
    """

    Config = LevenbergMarquardtConfig
    flow = None  # Jacobians are pushed forward

    def __init__(self, config: LevenbergMarquardtConfig, problem: Problem, seed: int) -> None:
        self.problem = problem
        key = jax.random.key(seed)
        # The run ends by the task's measure or the iteration limit, not by these tolerances.
        solver: Any = optimistix.LevenbergMarquardt(rtol=1e-12, atol=1e-12)
        lower, upper = jnp.asarray(problem.lower), jnp.asarray(problem.upper)

        def evaluate(x: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
            evaluation = problem.evaluate(x, key)
            if evaluation.residuals is None:
                raise ConfigError("optimizer=lm needs a task with residuals; this one has none")
            return evaluation.residuals, {**evaluation.metrics, "loss": evaluation.loss}

        start = jnp.asarray(problem.initial)
        hoisted, self._constants = hoist(evaluate, start)

        def residuals(x: jax.Array, constants: Any) -> Any:
            return hoisted(constants, x)

        out_structure = jax.eval_shape(residuals, start, self._constants)
        tags: frozenset[object] = frozenset()

        @equinox.filter_jit
        def begin(x: jax.Array, constants: Any) -> Any:
            return solver.init(residuals, x, constants, {}, *out_structure, tags)

        @equinox.filter_jit
        def iterate(state: LevenbergMarquardtState, constants: Any) -> Any:
            x, solver_state, _ = solver.step(
                residuals, state.x, constants, {}, state.solver_state, tags
            )
            # At the accepted point: metrics as its auxiliary output, and the gradient Jᵀr.
            gradient = solver_state.f_info.jac.as_matrix().T @ solver_state.f_info.residual
            proposal = jnp.clip(solver_state.y_eval, lower, upper)
            solver_state = equinox.tree_at(lambda s: s.y_eval, solver_state, proposal)
            new_state = LevenbergMarquardtState(x, solver_state)
            return new_state, solver_state.aux, jnp.linalg.norm(gradient)

        self._begin, self._iterate = begin, iterate

    def init(self) -> LevenbergMarquardtState:
        x = jnp.asarray(self.problem.initial)
        return LevenbergMarquardtState(x, self._begin(x, self._constants))

    def step(self, state: LevenbergMarquardtState) -> tuple[LevenbergMarquardtState, Report]:
        state, metrics, norm = self._iterate(state, self._constants)
        figures = {name: float(value) for name, value in metrics.items()}
        loss = figures.pop("loss")
        return state, Report(
            x=np.asarray(state.x),
            loss=loss,
            metrics=figures,
            grad_norm=float(norm),
            evaluations=self.problem.episodes,
        )

    def arrays(self, state: LevenbergMarquardtState) -> dict[str, np.ndarray]:
        return tree_to_arrays(state)

    def restore(self, arrays: dict[str, np.ndarray]) -> LevenbergMarquardtState:
        restored: LevenbergMarquardtState = arrays_to_tree(arrays, self.init())
        return restored
