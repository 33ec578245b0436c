"""Trainings that benchmarks compare: each in a folder of its own, made once, then found again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
from rich.console import Console

from diffsim.cli.configuration import compose_config
from diffsim.experiment.runner import DivergedError, run
from diffsim.reporting.run_files import read_json, read_metrics


def trained(folder: Path, *overrides: str) -> pd.DataFrame:
    """The metrics of a training to its last iteration, made now if it has not been made before.

    What an interrupted one has left is removed; one that diverged counts as far as it came.
    """
    if not _is_over(folder):
        shutil.rmtree(folder, ignore_errors=True)
        config = compose_config(*overrides, "stop_on_success=false", "device=cpu")
        folder.mkdir(parents=True)
        try:
            run(config, folder, Console(quiet=True))
        except DivergedError as error:
            print(f"  {error}", flush=True)
    return read_metrics(folder)


def stamp(folder: Path) -> str:
    """Commit, machine and versions of a run, for below a table."""
    manifest = read_json(folder, "manifest.json")
    commit = manifest["git"]["commit"][:12] if manifest["git"] else "unknown"
    machine, versions = manifest["machine"], manifest["versions"]
    return (
        f"Commit {commit}, {machine['processor']}, {machine['cores']} cores, "
        f"jax {versions['jax']}, optax {versions['optax']}, cma {versions['cma']}, "
        f"{manifest['created'][:10]}."
    )


def evaluations_to(metrics: pd.DataFrame, figure: str, mark: float, larger: bool) -> float:
    """How many evaluations it took a training to reach a mark, nan if it never did."""
    there = metrics[figure] >= mark if larger else metrics[figure] < mark
    return float(metrics["evaluations"][there].iloc[0]) if there.any() else float("nan")


def spread_of_reached(times: pd.Series) -> str:
    """The spread of the evaluations to a mark, and how many reached it if not all did."""
    count = times.notna().sum()
    return spread(times, 0) + (f", {count} of {len(times)}" if 0 < count < len(times) else "")


def spread(values: pd.Series, digits: int) -> str:
    """Median (smallest to largest) of what is known; "–" for nothing."""
    known = values.dropna()
    if known.empty:
        return "–"
    middle = f"{known.median():,.{digits}f}"
    if len(known) == 1:
        return middle
    return f"{middle} ({known.min():,.{digits}f} to {known.max():,.{digits}f})"


def _is_over(folder: Path) -> bool:
    status = folder / "status.json"
    return status.exists() and read_json(folder, "status.json")["status"] in (
        "finished",
        "diverged",
    )
