"""All kinds of controllers by the names that they have in configs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffsim.tables import KindTable

if TYPE_CHECKING:  # a kind is imported when it is first asked for, and JAX with it
    from diffsim.controllers.controller import Controller

CONTROLLERS: KindTable[type[Controller]] = KindTable(
    "controllers",
    {
        "none": "diffsim.controllers.none:NoController",
        "linear": "diffsim.controllers.linear:Linear",
        "dense": "diffsim.controllers.dense:Dense",
        "recurrent": "diffsim.controllers.recurrent:Recurrent",
        "table": "diffsim.controllers.command_table:CommandTable",
        "convolutional": "diffsim.controllers.convolutional:Convolutional",
    },
    classes=True,
)
"""Open to others (``diffsim.tables``)."""
