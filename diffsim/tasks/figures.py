"""What the tasks' figures mean: units, which way is better, and which one a task is judged by.

Nothing is imported here: reports of saved runs ask, too.
"""

from __future__ import annotations

from typing import NamedTuple

VALIDATION = "validation_"
"""Before the name of a figure: its mean over episodes that are not trained on."""


class Figure(NamedTuple):
    """What a column of ``metrics.csv`` means.

    Attributes:
        unit: empty for none.
        larger: whether a larger value is better; None where neither is, or nobody knows.
    """

    unit: str
    larger: bool | None


FIGURES = {
    "loss": Figure("", False),
    "position_error": Figure("m", False),
    "velocity_error": Figure("m/s", False),
    "spin_error": Figure("m/s", False),
    "mean_distance": Figure("m", False),
    "end_distance": Figure("m", False),
    "worst_distance": Figure("m", False),
    "speed": Figure("m/s", True),
    "height": Figure("m", None),
    "sideways": Figure("m", None),
}
"""The loss and the metrics of all tasks."""

JUDGED_BY = {"throw": "loss", "reach": "end_distance", "gait": "speed"}
"""The figure that says most about success, for each kind of task.

A throw has to meet three tolerances at once; its loss weighs all three.
"""


def meaning(column: str) -> Figure:
    """Of a column of ``metrics.csv``; without a unit and a better way where it is not known."""
    return FIGURES.get(column.removeprefix(VALIDATION), Figure("", None))
