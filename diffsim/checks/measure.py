"""Measured values with their tolerances."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One number that a check has found.

    Attributes:
        name: what was measured.
        value: of it.
        unit: of the value.
        tolerance: the largest value that holds; None if it is only told.
        note: what the value is relative to, or why there is none.
    """

    name: str
    value: float
    unit: str = ""
    tolerance: float | None = None
    note: str = ""

    @property
    def holds(self) -> bool:
        """Return whether the tolerance holds; it never does for nan."""
        return self.tolerance is None or self.value <= self.tolerance
