"""Walking through what JAX has traced."""

from __future__ import annotations

from typing import Any


def inner_graphs(equation: Any) -> list[Any]:
    """Graphs among the parameters of an equation: of loops, calls and custom derivatives."""
    found = []
    for value in equation.params.values():
        for item in value if isinstance(value, tuple | list) else [value]:
            graph = getattr(item, "jaxpr", item)
            if hasattr(graph, "eqns"):
                found.append(graph)
    return found
