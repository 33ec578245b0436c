"""All kinds of tasks by the names that they have in configs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffsim.tables import KindTable

if TYPE_CHECKING:  # a kind is imported when it is first asked for, and JAX with it
    from diffsim.tasks.task import Task

TASKS: KindTable[type[Task]] = KindTable(
    "tasks",
    {
        "throw": "diffsim.tasks.throw:Throw",
        "reach": "diffsim.tasks.reach:Reach",
        "gait": "diffsim.tasks.gait:Gait",
    },
    classes=True,
)
"""Open to others (``diffsim.tables``)."""
