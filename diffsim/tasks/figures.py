"""Units of a task's figures, and which way is better.

Imports nothing heavy, because reports of saved runs read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

VALIDATION = "validation_"
"""Before the name of a figure: its mean over episodes that are not trained on."""


class Figure(NamedTuple):
    """Meaning of a column of ``metrics.csv``.

    Attributes:
        unit: empty for none.
        larger: whether a larger value is better; None where neither is, or nobody knows.
    """

    unit: str
    larger: bool | None


LOSS = Figure("", larger=False)
UNKNOWN = Figure("", larger=None)


def meaning(column: str, figures: Mapping[str, Figure]) -> Figure:
    """The meaning of a column of ``metrics.csv``, ``UNKNOWN`` where it is no figure of the task.

    Args:
        column: its name.
        figures: of the task, beside its loss.
    """
    name = column.removeprefix(VALIDATION)
    return LOSS if name == "loss" else figures.get(name, UNKNOWN)
