"""All kinds of optimisers by the names that they have in configs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffsim.tables import KindTable

if TYPE_CHECKING:  # a kind is imported when it is first asked for, and JAX with it
    from diffsim.optimizers.optimizer import Optimizer

OPTIMIZERS: KindTable[type[Optimizer]] = KindTable(
    "optimizers",
    {
        "gradient": "diffsim.optimizers.gradient:GradientDescent",
        "lm": "diffsim.optimizers.levenberg_marquardt:LevenbergMarquardt",
        "cmaes": "diffsim.optimizers.evolution:Evolution",
    },
    classes=True,
)
"""Open to others (``diffsim.tables``)."""
