"""Runs one experiment: the place where robot, task, controller and optimiser meet.

Everything a run finds out is in its folder, written as it goes, so that a run that is killed
leaves what it had:

    manifest.json     where the results come from
    status.json       running, finished, diverged, interrupted or failed, and why
    metrics.csv       a row for each iteration
    checkpoints/      the newest complete states
    result.json       the best point found, in the variables' own units
    trajectory_before.csv, trajectory_after.csv
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console

from diffsim.experiment.checkpoint import Checkpoint, save_checkpoint
from diffsim.experiment.config import RunConfig, check_run
from diffsim.experiment.device import check_fits, computing_on, in_units
from diffsim.experiment.experiment import Experiment
from diffsim.experiment.files import write_json
from diffsim.experiment.manifest import build_manifest
from diffsim.experiment.metrics import MetricsWriter, Row
from diffsim.experiment.progress import ProgressDisplay
from diffsim.experiment.trajectory import first_divergence, save_trajectory
from diffsim.optimizers.config import GradientConfig
from diffsim.optimizers.optimizer import Optimizer, Report
from diffsim.optimizers.registry import make_optimizer
from diffsim.validation import ConfigError


class DivergedError(Exception):
    """Numbers that are no longer finite; the message says where."""


@dataclass
class RunResult:
    """The outcome of a run.

    Attributes:
        folder: where everything is.
        succeeded: whether the task's goal was met.
        iterations: how many iterations were done.
        evaluations: how many episodes they simulated.
        wall_s: seconds of training, compilation included.
        loss: of the best point: the first that met the goal, else the one of the lowest loss.
        metrics: of the best point.
        variables: the best point, in the variables' own units.
    """

    folder: Path
    succeeded: bool
    iterations: int
    evaluations: int
    wall_s: float
    loss: float
    metrics: dict[str, float]
    variables: dict[str, list[float]]


def run(config: RunConfig, folder: Path, console: Console) -> RunResult:
    """Run an experiment and leave everything in ``folder``.

    Raises:
        ConfigError: if the config cannot be run or the folder holds another run.
        DivergedError: if the loss or the gradient is no longer finite.
    """
    check_run(config)
    with computing_on(config.device, config.precision) as device:
        experiment = Experiment(config)
        optimizer = make_optimizer(config.optimizer, experiment, config.seed)
        if (folder / "manifest.json").exists():
            raise ConfigError(f"the folder {folder} holds another run, choose a new one")
        if isinstance(config.optimizer, GradientConfig):
            needed = experiment.gradient_bytes()
            check_fits(needed, device, config.simulation.checkpoint)
            console.print(f"The gradient will take about {in_units(needed)} of memory.")
        write_json(folder / "manifest.json", build_manifest(config, device))
        _write_status(folder, "running", "")
        try:
            result = _train(experiment, optimizer, folder, console)
        except DivergedError as error:
            _write_status(folder, "diverged", str(error))
            raise
        except KeyboardInterrupt:
            _write_status(folder, "interrupted", "by the user")
            raise
        except BaseException as error:
            _write_status(folder, "failed", f"{type(error).__name__}: {error}")
            raise
        _write_status(
            folder,
            "finished",
            f"goal met after {result.iterations} iterations"
            if result.succeeded
            else f"{result.iterations} iterations done, goal not met",
        )
        return result


def _train(
    experiment: Experiment, optimizer: Optimizer, folder: Path, console: Console
) -> RunResult:
    """The loop over iterations, with all that is written on the way."""
    config = experiment.config
    _record_trajectory(experiment, experiment.initial, folder / "trajectory_before.csv")
    iterations = config.optimizer.iterations
    state = optimizer.init()
    best: Report | None = None
    succeeded, evaluations = False, 0
    start = time.perf_counter()

    with (
        MetricsWriter(folder / "metrics.csv", experiment.task.metric_names) as writer,
        ProgressDisplay(console, iterations) as display,
    ):
        for iteration in range(1, iterations + 1):
            state, report = optimizer.step(state)
            metrics = {name: report.metrics[name] for name in experiment.task.metric_names}
            report = report._replace(metrics=metrics)
            evaluations += report.evaluations
            row = Row(
                iteration,
                evaluations,
                time.perf_counter() - start,
                report.loss,
                report.grad_norm,
                report.metrics,
            )
            writer.append(row)
            _check_finite(experiment, report, iteration)
            success = experiment.task.succeeded(report.metrics)
            # Once the goal is met, only points that meet it are better.
            if best is None or (success, -report.loss) > (succeeded, -best.loss):
                best, succeeded = report, success
            last = iteration == iterations or (succeeded and config.stop_on_success)
            if last or iteration % config.checkpoints.every == 0:
                writer.sync()  # a checkpoint is never ahead of the metrics
                checkpoint = Checkpoint(
                    iteration,
                    evaluations,
                    best={
                        "loss": best.loss,
                        "metrics": best.metrics,
                        "succeeded": succeeded,
                        "wall_s": row.wall_s,
                    },
                    arrays={
                        "variables": experiment.variables.named(best.x),
                        "best": {"x": best.x},
                        "optimizer": optimizer.arrays(state),
                    },
                )
                save_checkpoint(folder / "checkpoints", checkpoint, config.checkpoints.keep)
            display.update(row, last)
            if last:
                break

    assert best is not None
    _record_trajectory(experiment, best.x, folder / "trajectory_after.csv")
    result = RunResult(
        folder=folder,
        succeeded=succeeded,
        iterations=row.iteration,
        evaluations=row.evaluations,
        wall_s=row.wall_s,
        loss=best.loss,
        metrics=best.metrics,
        variables={
            name: value.tolist() for name, value in experiment.variables.named(best.x).items()
        },
    )
    write_json(folder / "result.json", _as_json(result))
    return result


def _check_finite(experiment: Experiment, report: Report, iteration: int) -> None:
    """Stop when the loss or the gradient is not finite, and say where it began.

    Evolution survives single episodes that are not finite: it reports its best one.
    """
    if math.isfinite(report.loss) and math.isfinite(report.grad_norm or 0.0):
        return
    place = first_divergence(_simulate(experiment, report.x), experiment.body_names)
    what = "loss" if not math.isfinite(report.loss) else "gradient"
    where = f" (first at step {place[0]}, body '{place[1]}')" if place else ""
    raise DivergedError(f"the {what} is not finite at iteration {iteration}{where}")


def _simulate(experiment: Experiment, x: np.ndarray) -> Any:
    return jax.jit(experiment.trajectory)(jnp.asarray(x, experiment.initial.dtype))


def _record_trajectory(experiment: Experiment, x: np.ndarray, path: Path) -> None:
    dt = float(experiment.variables.unpack(jnp.asarray(x)).config.simulation.dt)
    save_trajectory(path, _simulate(experiment, x), experiment.body_names, dt)


def _write_status(folder: Path, status: str, reason: str) -> None:
    write_json(folder / "status.json", {"status": status, "reason": reason})


def _as_json(result: RunResult) -> dict[str, Any]:
    return {name: value for name, value in vars(result).items() if name != "folder"}
