"""The contract of an optimiser.

An optimiser minimises over a flat vector x in scaled units. It is built for one problem; ``init``
gives its state and ``step`` makes one iteration. ``arrays`` and ``restore`` turn the state into
plain arrays for a checkpoint and back.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, Protocol

import jax
import numpy as np

from diffsim.optimizers.config import OptimizerConfig
from diffsim.simulate.gradient_flow import EXACT, GradientFlow
from diffsim.tasks.task import Evaluation


class Problem(Protocol):
    """Function to be minimised, and where to start.

    Attributes:
        initial: x at the start, shape (variables,).
        lower, upper: bounds, infinite where there are none, shape (variables,).
        episodes: that one evaluation simulates.
        sharding: where x is wanted, None for anywhere.
    """

    initial: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    episodes: int
    sharding: jax.sharding.Sharding | None

    def evaluate(
        self, x: jax.Array, key: jax.Array | None = None, flow: GradientFlow = EXACT
    ) -> Evaluation:
        """One episode, or the means over several; a pure function to be transformed by ``jit``,
        ``grad`` and ``vmap``.

        Args:
            x: the point, shape (variables,).
            key: of what is random in the episodes; None where nothing is.
            flow: how the gradient passes from step to step.
        """


class Report(NamedTuple):
    """Outcome of one iteration.

    Attributes:
        x: the point that is reported: the one evaluated, or the best of a population.
        loss: its loss.
        metrics: its figures in the task's terms.
        grad_norm: L2 norm of the gradient before clipping, None without a gradient.
        evaluations: how many episodes the iteration simulated.
        clipped: whether the gradient was longer than its limit, None without a limit.
        skipped: how many updates in a row, this one included, were left out because the gradient
            was not finite.
        goes_on: whether the optimiser goes on all the same if loss or gradient are not finite.
        not_finite: how many points, or gradients, of this iteration were not finite and left out.
        key: of what was random in the episodes, None where the optimiser draws several.
    """

    x: np.ndarray
    loss: float
    metrics: dict[str, float]
    grad_norm: float | None
    evaluations: int
    clipped: bool | None = None
    skipped: int = 0
    goes_on: bool = False
    not_finite: int = 0
    key: jax.Array | None = None


class Optimizer(Protocol):
    """Minimises a problem, one iteration at a time.

    Attributes:
        Config: what its YAML file may say.
        flow: how its gradients pass back through time, None if it does not back-propagate.
    """

    Config: ClassVar[type[OptimizerConfig]]
    flow: GradientFlow | None

    def __init__(self, config: Any, problem: Problem, seed: int) -> None:
        """The optimiser that a ``Config`` describes, for one problem."""

    def init(self) -> Any:
        """The state before the first iteration."""

    def step(self, state: Any) -> tuple[Any, Report]:
        """The state after one more iteration, and what it found."""

    def arrays(self, state: Any) -> dict[str, np.ndarray]:
        """The state as named arrays."""

    def restore(self, arrays: dict[str, np.ndarray]) -> Any:
        """The state from what ``arrays`` gave.

        Raises:
            ValueError: if the arrays are not those of this optimiser and problem.
        """


def tree_to_arrays(tree: Any) -> dict[str, np.ndarray]:
    """The array leaves of a pytree, named by their order."""
    leaves = [leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Array | np.ndarray)]
    return {f"{index:04d}": np.asarray(leaf) for index, leaf in enumerate(leaves)}


def arrays_to_tree(arrays: dict[str, np.ndarray], like: Any) -> Any:
    """A pytree of the structure of ``like`` with the leaves that ``tree_to_arrays`` gave.

    Raises:
        ValueError: if number, shape or type of the leaves differ.
    """
    leaves, structure = jax.tree.flatten(like)
    places = [k for k, leaf in enumerate(leaves) if isinstance(leaf, jax.Array | np.ndarray)]
    if len(places) != len(arrays):
        raise ValueError(f"expected {len(places)} arrays of optimiser state, got {len(arrays)}")
    for place, name in zip(places, sorted(arrays), strict=True):
        old, new = leaves[place], arrays[name]
        if old.shape != new.shape or old.dtype != new.dtype:
            raise ValueError(
                f"optimiser state {name}: expected {old.dtype}{old.shape}, "
                f"got {new.dtype}{new.shape}"
            )
        leaves[place] = jax.numpy.asarray(new)
    return jax.tree.unflatten(structure, leaves)
