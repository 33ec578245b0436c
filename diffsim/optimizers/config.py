"""Settings that all optimisers share; those of a kind are in its own file."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import MISSING

from diffsim.tasks.config import TaskConfig
from diffsim.validation import Frozen, bounded


@dataclass
class OptimizerConfig(Frozen):
    """Base of all optimisers' configs. A kind's own has a field ``kind`` with the kind's name."""

    kind: str = MISSING
    iterations: int = bounded(100, at_least=1)

    def check(self, task: TaskConfig) -> None:
        """Check that the optimiser can work on a task.

        Raises:
            ConfigError: naming the key, the value and what is allowed.
        """
