"""Reloads a run's best controller and simulates it again."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from diffsim.camera.film import Film
from diffsim.camera.pictures import chosen_for_strip, save_animation, save_strip
from diffsim.evaluation.config import EvalConfig
from diffsim.evaluation.replay import save_replay
from diffsim.evaluation.soundness import describe, judge, observer
from diffsim.experiment.check import check_run
from diffsim.experiment.config import RunConfig
from diffsim.experiment.device import computing_on
from diffsim.experiment.divergence import DivergedError, first_divergence
from diffsim.experiment.experiment import Experiment
from diffsim.experiment.manifest import restore_config
from diffsim.experiment.scenario import evaluation_key
from diffsim.experiment.trajectory import save_trajectory
from diffsim.math.spatial import Motion
from diffsim.programs import Program
from diffsim.robots.check_values import check_reference
from diffsim.runs.checkpoint import Checkpoint, load_newest
from diffsim.runs.files import write_json
from diffsim.runs.folder import RunFolder
from diffsim.validation import ConfigError, check


class Trained(NamedTuple):
    """Trained controller that a run has left.

    Attributes:
        config: of the run.
        checkpoint: the newest complete one.
    """

    config: RunConfig
    checkpoint: Checkpoint


def load_run(folder: Path, change: Mapping[str, Any] | None = None) -> Trained:
    """The config and the newest checkpoint of a run.

    Args:
        folder: of the run.
        change: what is to be different in its config.

    Raises:
        ConfigError: if the folder is not that of a run, or has no checkpoint; if there is nothing
            of that name to be changed.
        CheckpointError: if the newest checkpoint is damaged.
    """
    run = RunFolder(folder)
    saved = run.config("run")
    config = restore_config(saved)
    if change:
        config = restore_config(_merged(saved, change, "change"), "the config with this change")
        check_run(config)
    if not (checkpoints := run.checkpoints()):
        raise ConfigError(f"run must have a checkpoint, '{folder}' has none yet")
    return Trained(config, load_newest(checkpoints))


def _merged(known: Any, change: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A mapping with some values replaced, none added but to mappings that are empty."""
    result = dict(known)
    for name, value in change.items():
        if known and name not in known:
            raise ConfigError(f"{key} must be of {', '.join(known)}, got '{name}'")
        if isinstance(value, Mapping) and isinstance(known.get(name), Mapping):
            value = _merged(known[name], value, f"{key}.{name}")
        result[name] = value
    return result


def run_eval(config: EvalConfig, console: Console) -> pd.DataFrame:
    """Simulate a run's best point in new episodes; one row for each.

    An episode whose loss, figures or motion are not finite is no success. It is counted, and left
    out of mean, spread and median.

    Written to ``output``, or else to ``evaluations/<time>/`` in the run's folder: ``episodes.csv``,
    with the goals that were drawn; ``evaluation.json`` with mean and spread, and how sound one
    episode was; the trajectory of that; and, if asked for, what a camera sees of it:
    ``animation.gif`` and, some moments of it, ``pictures.png``.

    Raises:
        ConfigError: if there is no run to be evaluated.
        CheckpointError: if its checkpoint is damaged.
        DivergedError: if no episode is finite; after everything is written.
    """
    check(config)
    folder = Path(config.run)
    trained = load_run(folder, config.change)
    run = trained.config
    if config.dt is not None:
        simulation = dataclasses.replace(run.simulation, dt=config.dt)
        run = dataclasses.replace(run, simulation=simulation)
    if config.camera is not None:
        check_reference("camera", config.camera, run.robot.cameras)
    with computing_on(config.device, run.precision):
        experiment = Experiment(run)
        x = jnp.asarray(trained.checkpoint.arrays["best"]["x"])
        if x.shape != experiment.initial.shape:
            raise ConfigError(
                f"run: the checkpoint has {x.size} variables, its config {experiment.initial.size}"
            )
        key = evaluation_key(config.seed)
        count = config.episodes if experiment.random else 1
        found = Program(lambda x: experiment.each(x, key, count))(x)
        table = pd.DataFrame(
            {name: np.asarray(v) for name, v in {"loss": found.loss, **found.metrics}.items()}
        )
        seen = Program(lambda x: experiment.watch(x, observer))(x)
        finite = np.isfinite(table.to_numpy(float)).all(axis=1)
        place = first_divergence(seen.motion, experiment.part_names)
        if not experiment.random:  # the episode that is watched is the one that is measured
            finite &= place is None
        table["success"] = [
            bool(known) and experiment.task.succeeded({str(k): float(v) for k, v in row.items()})
            for known, row in zip(finite, table.to_dict("records"), strict=True)
        ]
        path = _folder(config)
        path.mkdir(parents=True, exist_ok=True)
        goals = _goals(experiment, key, count)
        table.assign(**goals).to_csv(path / "episodes.csv", index_label="episode")
        save_trajectory(
            path / "trajectory.csv", seen.motion, experiment.part_names, run.simulation.dt
        )
        soundness = judge(seen)
        about = f"Evaluation {path.name} · best of {trained.checkpoint.iteration} iterations"
        shown = jax.tree.map(lambda leaf: leaf[: None if place is None else place[0]], seen)
        if place is None or place[0] > 0:
            save_replay(path / "replay.html", experiment, x, shown, about)
            if config.render:
                _render(config, run, experiment.part_names, shown.motion, path)
    known = table[finite]
    summary = {
        "iteration": trained.checkpoint.iteration,
        "episodes": count,
        "not_finite": int(np.count_nonzero(~finite)),
        "seed": config.seed,
        "dt": run.simulation.dt,
        "change": config.change,
        # Of the finite episodes, but for the success, of which all count.
        "mean": _numbers(known.mean()) | {"success": float(table["success"].mean())},
        "standard_deviation": _numbers(known.std(ddof=0))
        | {"success": float(table["success"].std(ddof=0))},
        "median": _numbers(known.median()) | {"success": float(table["success"].median())},
        # That of an episode which is not finite is not known.
        "worst_loss": float(table["loss"].max()) if finite.all() else float("nan"),
        "soundness": soundness._asdict(),
    }
    write_json(path / "evaluation.json", summary)
    _show(table, known, summary, console)
    console.print(describe(soundness))
    if place is not None:
        console.print(
            f"The motion of the watched episode is not finite (first at step {place[0]}, body "
            f"'{place[1]}').",
            soft_wrap=True,
            highlight=False,
        )
    console.print(f"Everything is in {path}", soft_wrap=True, highlight=False, markup=False)
    if known.empty:
        raise DivergedError(f"none of {count} episodes is finite")
    return table


def _folder(config: EvalConfig) -> Path:
    if config.output is not None:
        return Path(config.output)
    name = f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{secrets.token_hex(3)}"
    return Path(config.run) / "evaluations" / name


def _render(
    config: EvalConfig, run: RunConfig, names: tuple[str, ...], motion: Motion, path: Path
) -> None:
    """Images of a camera, at the animation's frame rate."""
    times = np.arange(motion.pose.position.x.shape[0]) * run.simulation.dt
    wanted = np.arange(0.0, times[-1] + 1e-9, 1.0 / config.frame_rate)
    chosen = np.unique(np.minimum(np.round(wanted / run.simulation.dt).astype(int), len(times) - 1))
    film = Film(run.robot, config.camera or run.controller.sees)
    images = film.shoot(names, jax.tree.map(lambda component: component[chosen], motion))
    save_animation(path / "animation.gif", images, config.frame_rate)
    shown = chosen_for_strip(len(images))
    captions = [f"{time:.2f} s" for time in times[chosen][shown]]
    save_strip(path / "pictures.png", images[shown], captions)


def _goals(experiment: Experiment, key: jax.Array, count: int) -> dict[str, np.ndarray]:
    """Goal of each episode [m]; empty if the task draws none."""
    if not experiment.config.task.draws:
        return {}
    goal = experiment.task.goal(experiment.draw(key, count).task)
    return {} if goal is None else {f"goal_{a}": np.asarray(c) for a, c in goal._asdict().items()}


def _numbers(series: pd.Series) -> dict[str, float]:
    return {str(name): float(value) for name, value in series.items()}


def _show(
    table: pd.DataFrame, known: pd.DataFrame, summary: dict[str, Any], console: Console
) -> None:
    """Print what all episodes come to: figures of the finite ones, success of all."""
    count, lost = summary["episodes"], summary["not_finite"]
    title = f"{count} episode{'s' if count > 1 else ''}, dt {summary['dt']:g} s"
    shown = Table(title=f"{title}; figures of those that are finite" if lost else title)
    for heading in ("", "mean", "standard deviation", "lowest", "median", "highest"):
        shown.add_column(heading)
    for name in table.columns.drop("success"):
        values = known[name]
        figures = (values.mean(), values.std(ddof=0), values.min(), values.median(), values.max())
        shown.add_row(str(name), *(f"{figure:.4g}" for figure in figures))
    if lost:
        shown.add_row("not finite", f"{lost} of {count}")
    shown.add_row("success", f"{100.0 * table['success'].mean():.1f} %")
    console.print(shown)
