"""Reloads a run's best controller and simulates it again."""

from __future__ import annotations

import dataclasses
import json
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from diffsim.evaluation.config import EvalConfig
from diffsim.evaluation.soundness import describe, judge, observer
from diffsim.experiment.checkpoint import Checkpoint, list_checkpoints, load_checkpoint
from diffsim.experiment.config import RunConfig
from diffsim.experiment.device import computing_on
from diffsim.experiment.experiment import Experiment, evaluation_key
from diffsim.experiment.files import write_json
from diffsim.experiment.manifest import restore_config
from diffsim.experiment.trajectory import save_trajectory
from diffsim.validation import ConfigError, check


class Trained(NamedTuple):
    """What a run has left.

    Attributes:
        config: of the run.
        checkpoint: the newest complete one.
    """

    config: RunConfig
    checkpoint: Checkpoint


def load_run(folder: Path) -> Trained:
    """The config and the newest checkpoint of a run.

    Raises:
        ConfigError: if the folder is not that of a run, or has no checkpoint.
        CheckpointError: if the newest checkpoint is damaged.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"run must be the folder of a run, with its manifest.json, got '{folder}' ({error})"
        ) from error
    checkpoints = list_checkpoints(folder / "checkpoints")
    if not checkpoints:
        raise ConfigError(f"run must have a checkpoint, '{folder}' has none yet")
    return Trained(restore_config(manifest["config"]), load_checkpoint(checkpoints[-1]))


def run_eval(config: EvalConfig, console: Console) -> pd.DataFrame:
    """Simulate a run's best point in new episodes; one row for each.

    Written to ``evaluations/<time>/`` in the run's folder: ``episodes.csv``, with the goals that
    were drawn; ``evaluation.json`` with mean and spread, and how sound one episode was; and the
    trajectory of that.

    Raises:
        ConfigError: if there is no run to be evaluated.
        CheckpointError: if its checkpoint is damaged.
    """
    check(config)
    folder = Path(config.run)
    trained = load_run(folder)
    run = trained.config
    if config.dt is not None:
        simulation = dataclasses.replace(run.simulation, dt=config.dt)
        run = dataclasses.replace(run, simulation=simulation)
    with computing_on(config.device, run.precision):
        experiment = Experiment(run)
        x = jnp.asarray(trained.checkpoint.arrays["best"]["x"])
        if x.shape != experiment.initial.shape:
            raise ConfigError(
                f"run: the checkpoint has {x.size} variables, its config {experiment.initial.size}"
            )
        key = evaluation_key(config.seed)
        count = config.episodes if experiment.random else 1
        found = jax.jit(lambda x: experiment.each(x, key, count))(x)
        table = pd.DataFrame(
            {name: np.asarray(v) for name, v in {"loss": found.loss, **found.metrics}.items()}
        )
        table["success"] = [
            experiment.task.succeeded({str(k): float(v) for k, v in row.items()})
            for row in table.to_dict("records")
        ]
        path = folder / "evaluations" / f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{secrets.token_hex(3)}"
        path.mkdir(parents=True)
        goals = _goals(experiment, key, count)
        table.assign(**goals).to_csv(path / "episodes.csv", index_label="episode")
        seen = jax.jit(lambda x: experiment.watch(x, observer))(x)
        save_trajectory(
            path / "trajectory.csv", seen.motion, experiment.part_names, run.simulation.dt
        )
        soundness = judge(seen)
    summary = {
        "iteration": trained.checkpoint.iteration,
        "episodes": count,
        "seed": config.seed,
        "dt": run.simulation.dt,
        "mean": _numbers(table.mean()),
        "standard_deviation": _numbers(table.std(ddof=0)),
        "median": _numbers(table.median()),
        "worst_loss": float(table["loss"].max()),
        "soundness": soundness._asdict(),
    }
    write_json(path / "evaluation.json", summary)
    _show(table, summary, console)
    console.print(describe(soundness))
    console.print(f"Everything is in {path}", soft_wrap=True, highlight=False, markup=False)
    return table


def _goals(experiment: Experiment, key: jax.Array, count: int) -> dict[str, np.ndarray]:
    """Where the goal was in each episode [m], if the task draws one."""
    if not experiment.task.random:
        return {}
    goal = experiment.task.goal(experiment.draw(key, count).task)
    return {} if goal is None else {f"goal_{a}": np.asarray(c) for a, c in goal._asdict().items()}


def _numbers(series: pd.Series) -> dict[str, float]:
    return {str(name): float(value) for name, value in series.items()}


def _show(table: pd.DataFrame, summary: dict[str, Any], console: Console) -> None:
    count = summary["episodes"]
    shown = Table(title=f"{count} episode{'s' if count > 1 else ''}, dt {summary['dt']:g} s")
    for heading in ("", "mean", "standard deviation", "lowest", "median", "highest"):
        shown.add_column(heading)
    for name in table.columns.drop("success"):
        values = table[name]
        figures = (values.mean(), values.std(ddof=0), values.min(), values.median(), values.max())
        shown.add_row(str(name), *(f"{figure:.4g}" for figure in figures))
    shown.add_row("success", f"{100.0 * table['success'].mean():.1f} %")
    console.print(shown)
