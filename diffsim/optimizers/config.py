"""What the YAML files of all optimisers may say. The rest is in each kind's own file."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import MISSING

from diffsim.tasks.config import TaskConfig
from diffsim.validation import bounded


@dataclass
class OptimizerConfig:
    """What all optimisers have. A kind's own subclass has a field ``kind`` with its name."""

    kind: str = MISSING
    iterations: int = bounded(100, at_least=1)

    def check(self, task: TaskConfig) -> None:
        """Check that the optimiser can work on a task.

        Raises:
            ConfigError: naming the key, the value and what is allowed.
        """
