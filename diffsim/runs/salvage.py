"""Files of a run that may be damaged or incomplete: what they still say, and what is wrong."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd

AXES = ("iteration", "evaluations", "wall_s")
"""Columns of ``metrics.csv`` that count; a row that lacks one of them is of no use."""


def read_whole_rows(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Read the whole rows of a ``metrics.csv``, as numbers, and what is wrong with the rest.

    A last line that does not end is left out, even if it has all its columns: a number may have
    been cut.
    """
    notes = []
    empty = pd.DataFrame({name: [] for name in (*AXES, "loss")}, dtype=float)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return empty, ["metrics.csv is missing"]
    except OSError as error:
        return empty, [f"metrics.csv cannot be read ({error.strerror})"]
    whole, _, rest = content.rpartition(b"\n")
    if not whole:
        reason = "is cut off in its first line" if rest else "is empty"
        return empty, [f"metrics.csv {reason}"]
    try:
        text = whole.decode(errors="replace")
        table = pd.read_csv(io.StringIO(text), on_bad_lines="skip", index_col=False)
    except ValueError as error:  # of pandas, too
        return empty, [f"metrics.csv cannot be read ({_one_line(error)})"]
    lacking = [name for name in (*AXES, "loss") if name not in table.columns]
    if lacking:
        return empty, [f"metrics.csv has no column {', '.join(lacking)}"]
    lines = whole.count(b"\n")
    table = table.apply(pd.to_numeric, errors="coerce")
    table = table.dropna(subset=list(AXES)).reset_index(drop=True)
    damaged = lines - len(table)
    if damaged:
        notes.append(f"metrics.csv has {damaged} damaged row{'s' * (damaged > 1)}, left out")
    if rest:
        notes.append(f"metrics.csv ends within a line, left out; {len(table)} whole rows")
    elif len(table) == 0 and not notes:
        notes.append("metrics.csv has no iteration yet")
    return table, notes


def try_json(path: Path) -> tuple[dict[str, Any], str]:
    """Read a JSON file: its content, or nothing and why."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}, f"{path.name} is missing"
    except OSError as error:
        return {}, f"{path.name} cannot be read ({error.strerror})"
    except (ValueError, RecursionError) as error:
        return {}, f"{path.name} cannot be read ({_one_line(error)})"
    if not isinstance(content, dict):
        return {}, f"{path.name} cannot be read (it is no mapping)"
    return content, ""


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:120]
