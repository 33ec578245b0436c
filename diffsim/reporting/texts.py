"""Numbers in tables for people."""

from __future__ import annotations

import numpy as np
import pandas as pd

NOTHING = "–"
"""Where a number is not known, or a run has no such key, or null."""


def spread(values: pd.Series | np.ndarray, digits: int = 3) -> str:
    """Median (smallest to largest) of what is known, to some digits; "–" for nothing."""
    known = np.asarray(values, float)
    known = known[~np.isnan(known)]
    if len(known) == 0:
        return NOTHING
    middle, low, high = (number(v, digits) for v in (np.median(known), known.min(), known.max()))
    return middle if low == high else f"{middle} ({low} to {high})"


def number(value: float, digits: int = 4) -> str:
    """A number to some digits, whole ones from a thousand on with commas; "–" for nan."""
    if np.isnan(value):
        return NOTHING
    if abs(value) >= 10 ** (digits - 1) and np.isfinite(value):
        return f"{value:,.0f}" if abs(value) < 1e9 else f"{value:.{digits - 1}e}"
    return f"{value:.{digits}g}"
