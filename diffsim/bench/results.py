"""The table of all cells, beside the paper's figures."""

from __future__ import annotations

import math
import statistics
from typing import Any

import pandas as pd

from diffsim.bench.config import BenchConfig, Cell
from diffsim.bench.measure import Machine, Measurement

# Seconds for 1,000 steps on a CPU (i7-5930K) and a GPU (GTX 1080): Degrave et al., table 1.
PAPER = {
    (1, "linear", False): (1.06, 9.69),
    (1, "linear", True): (8.17, 69.6),
    (1, "dense", False): (2.04, 9.69),
    (1, "dense", True): (13.2, 75.0),
    (128, "linear", False): (47.7, 17.8),
    (128, "linear", True): (263.0, 128.0),
    (128, "dense", False): (50.4, 18.3),
    (128, "dense", True): (311.0, 129.0),
}
PAPER_STEPS = 1000
PAPER_ROBOT = "quadruped_table1"

TIMED = "timed"
"""The note of a cell that was measured; others say what happened instead."""


def row(
    config: BenchConfig, cell: Cell, found: Measurement | str, machine: Machine
) -> dict[str, Any]:
    """One line of the table: of a measured cell, or of one that could not be measured and why."""
    settings = config.bench
    known = config.robot.name == PAPER_ROBOT and settings.steps == PAPER_STEPS
    paper = PAPER.get((cell.robots, cell.controller, cell.gradient)) if known else None
    line: dict[str, Any] = {
        **cell._asdict(),
        "steps": settings.steps,
        "note": found if isinstance(found, str) else TIMED,
        "paper_cpu_s": paper[0] if paper else None,
        "paper_gpu_s": paper[1] if paper else None,
    }
    if isinstance(found, str):
        return line
    median = statistics.median(found.seconds)
    return line | {
        "devices": found.devices,
        "median_s": median,
        "minimum_s": min(found.seconds),
        "trace_s": found.trace_seconds,
        "compile_s": found.compile_seconds,
        "equations": found.equations,
        "peak_mb": found.peak_bytes / 1e6,
        "predicted_mb": None if found.predicted_bytes is None else found.predicted_bytes / 1e6,
        "robot_steps_per_s": cell.robots * settings.steps / median,
        "operations": found.operations,
        "bytes": found.bytes,
        "share_of_peak_operations": found.operations / median / machine.operations,
        "share_of_peak_bytes": found.bytes / median / machine.bytes,
        "loss": found.loss,
        "largest_gradient": found.largest_gradient,
    }


def with_ratios(lines: list[dict[str, Any]]) -> pd.DataFrame:
    """The table, with the gradient's time relative to that of its forward pass."""
    table = pd.DataFrame(lines)
    if "median_s" not in table:
        table["median_s"] = None
    forward = table[~table["gradient"]].set_index(["solver", "robots", "controller"])["median_s"]
    keys = zip(table["solver"], table["robots"], table["controller"], strict=True)
    base = [forward.get(key) for key in keys]
    table["gradient_to_forward"] = [
        median / before if gradient and median and before else None
        for median, before, gradient in zip(table["median_s"], base, table["gradient"], strict=True)
    ]
    return table


COLUMNS = {
    "solver": "solver",
    "robots": "robots",
    "controller": "controller",
    "gradient": "",
    "devices": "devices",
    "median_s": "median [s]",
    "minimum_s": "minimum [s]",
    "paper_cpu_s": "paper, CPU [s]",
    "paper_gpu_s": "paper, GPU [s]",
    "gradient_to_forward": "gradient / forward",
    "compile_s": "trace + compile [s]",
    "equations": "equations of a step",
    "peak_mb": "memory [MB]",
    "robot_steps_per_s": "robot-steps/s",
    "share_of_peak_operations": "share of peak operations",
    "share_of_peak_bytes": "of peak memory speed",
    "largest_gradient": "largest gradient",
}


def cells_of(table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Headings and texts, for people."""
    lines = []
    for record in table.to_dict("records"):
        texts = []
        for key in COLUMNS:
            value: Any = record.get(key)
            if key == "gradient":
                text = "gradient" if value else "forward"
            elif key == "median_s" and record["note"] != TIMED:
                text = record["note"]
            elif key == "compile_s" and not _missing(value):
                text = f"{record['trace_s']:.1f} + {value:.1f}"
            elif key == "largest_gradient" and record["gradient"] and record["note"] == TIMED:
                text = f"{value:.3g}" if math.isfinite(value) else "not finite"
            elif _missing(value):
                text = ""
            elif key in ("devices", "equations"):
                text = f"{value:.0f}"  # a float beside cells without a figure
            elif key.startswith("share"):
                text = f"{100 * value:.1f} %"
            elif key == "robot_steps_per_s":
                text = f"{value:,.0f}"
            else:
                text = f"{value:.3g}" if isinstance(value, float) else str(value)
            texts.append(text)
        lines.append(texts)
    return list(COLUMNS.values()), lines


def outcome(line: dict[str, Any]) -> str:
    """Outcome of one cell, in a few words."""
    return f"{line['median_s']:.3g} s" if line["note"] == TIMED else str(line["note"])


def markdown(table: pd.DataFrame, machine: Machine, manifest: dict[str, Any]) -> str:
    """The table with what it was measured on."""
    headings, lines = cells_of(table)
    rows = [headings, ["---"] * len(headings), *lines]
    return "\n".join("| " + " | ".join(texts) + " |" for texts in rows) + (
        f"\n\n{origin(manifest)} Peaks seen: {machine.operations / 1e9:.0f} Gop/s, "
        f"{machine.bytes / 1e9:.1f} GB/s.\n"
    )


def origin(manifest: dict[str, Any]) -> str:
    """Origin of figures, in one sentence."""
    git = manifest["git"] or {}
    commit = (git.get("commit") or "unknown commit")[:7] + (
        " (changed)" if git.get("dirty") else ""
    )
    return (
        f"Commit {commit}, {manifest['precision']}, {manifest['machine']['processor']}, "
        f"{manifest['machine']['cores']} cores, {manifest['device']['kind']}, "
        f"jax {manifest['versions'].get('jax')}, Python {manifest['python']}, "
        f"{manifest['created'][:10]}."
    )


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)
