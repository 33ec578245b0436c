"""Runs one experiment: the place where robot, task, controller and optimiser meet.

Everything a run finds out is in its folder (``diffsim.runs.folder``), written as it goes, so that a
run that is killed leaves what it had.
"""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from rich.console import Console

from diffsim.experiment.check import check_run
from diffsim.experiment.config import RunConfig
from diffsim.experiment.course import Account, Course
from diffsim.experiment.device import check_fits, computing_on, in_units, use_all_cores
from diffsim.experiment.experiment import Experiment
from diffsim.experiment.interruption import current, noting_signals
from diffsim.experiment.loggers import LOGGERS, TensorBoard
from diffsim.experiment.manifest import build_manifest, figures_record
from diffsim.experiment.metrics import MetricsRow, MetricsWriter
from diffsim.experiment.progress import ProgressDisplay
from diffsim.experiment.scenario import validation_key
from diffsim.experiment.trajectory import (
    DivergedError,
    first_divergence,
    last_divergence,
    save_trajectory,
)
from diffsim.math.spatial import Motion
from diffsim.optimizers.optimizer import Optimizer, Report
from diffsim.optimizers.table import OPTIMIZERS
from diffsim.programs import Program
from diffsim.robots.surfaces import surfaces_record
from diffsim.runs.checkpoint import Checkpoint
from diffsim.runs.files import held
from diffsim.runs.folder import RunFolder
from diffsim.simulate.gradient_flow import GradientFlow
from diffsim.tasks.figures import VALIDATION
from diffsim.validation import ConfigError

LISTED = 1000
"""Most numbers of a variable that ``result.json`` lists."""


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
        variables: the best point, in the variables' own units; the parameters of large nets are
            only in the checkpoint.
        goal: where it is in the episode of the trajectories [m], if the task has one.
    """

    folder: Path
    succeeded: bool
    iterations: int
    evaluations: int
    wall_s: float
    loss: float
    metrics: dict[str, float]
    variables: dict[str, list[float]]
    goal: list[float] | None


class BestPoint(NamedTuple):
    """The best point so far, with the loss and metrics by which it was judged."""

    x: np.ndarray
    loss: float
    metrics: dict[str, float]


class Validation:
    """Episodes that are not trained on, the same ones at every call."""

    def __init__(self, experiment: Experiment) -> None:
        self.settings = experiment.config.validation
        self.metric_names: tuple[str, ...] = ()
        if self.settings.every:
            self.metric_names = tuple(f"{VALIDATION}{n}" for n in experiment.task.figures)
        self._key = validation_key(experiment.config.seed)
        self._each = Program(lambda x, key: experiment.each(x, key, self.settings.episodes))

    def due(self, iteration: int) -> bool:
        """Return whether a validation is due; the first iteration always has one."""
        return bool(self.settings.every) and (iteration - 1) % self.settings.every == 0

    def run(self, x: np.ndarray) -> tuple[float, dict[str, float]]:
        """Mean loss and metrics."""
        found = self._each(jnp.asarray(x), self._key)
        metrics = {name: float(jnp.mean(values)) for name, values in found.metrics.items()}
        return float(jnp.mean(found.loss)), metrics


def run(config: RunConfig, folder: Path, console: Console) -> RunResult:
    """Run an experiment and leave everything in ``folder``.

    Raises:
        ConfigError: if the config cannot be run or the folder holds another run.
        DivergedError: if the loss or the gradient is not finite, ``max_skipped`` times in a row, or
            the motion of the best point is not.
        Interrupted: if it was told to stop by a signal.
    """
    if RunFolder(folder).has_begun:
        raise ConfigError(f"the folder {folder} holds another run, choose a new one")
    return go_on(config, folder, console, None)


def go_on(config: RunConfig, folder: Path, console: Console, since: Checkpoint | None) -> RunResult:
    """Start a run in its folder, or resume it from a checkpoint.

    Args:
        config: what to run.
        folder: for all results.
        console: for what is told on the way.
        since: where to go on, None at the start.

    Raises:
        ConfigError: also if another process is at it.
    """
    check_run(config)
    if config.batch > 1 and config.device.platform != "gpu":
        use_all_cores()
    saved, interruption = RunFolder(folder), current()
    account = Account(folder, interruption)
    with (
        held(folder),
        computing_on(config.device, config.precision) as device,
        interruption.ending(account.end),
    ):
        experiment = Experiment(config)
        kind = OPTIMIZERS[config.optimizer.kind]
        optimizer = kind(config.optimizer, experiment, config.seed)
        if optimizer.flow is not None:
            needed = experiment.gradient_bytes()
            check_fits(needed, device, config.simulation.checkpoint)
            console.print(f"The gradient will take about {in_units(needed)} of memory.")
        if not saved.has_begun:
            known = experiment.caveats()
            for caveat in known:
                console.print(f"mind: {caveat}", soft_wrap=True, highlight=False, markup=False)
            manifest = build_manifest(config, device, known) | figures_record(type(experiment.task))
            saved.write_manifest(manifest)
        saved.write_status("running", "")
        try:
            with noting_signals() as interruption:
                course = Course(folder, config, since, interruption)
                with interruption.ending(course.end):
                    result = _train(experiment, optimizer, folder, console, since, course)
        except DivergedError as error:
            account.close("diverged", str(error))
            _record_start(experiment, saved)
            raise
        except KeyboardInterrupt as error:
            account.close("interrupted", str(error))
            raise
        except BaseException as error:
            account.close("failed", f"{type(error).__name__}: {error}")
            raise
        account.close(
            "finished",
            f"goal met after {result.iterations} iterations"
            if result.succeeded
            else f"{result.iterations} iterations done, goal not met",
        )
        return result


def _train(
    experiment: Experiment,
    optimizer: Optimizer,
    folder: Path,
    console: Console,
    since: Checkpoint | None,
    course: Course,
) -> RunResult:
    """The loop over iterations, with all that is written on the way."""
    config, saved = experiment.config, RunFolder(folder)
    iterations = config.optimizer.iterations
    best: BestPoint | None = None
    succeeded, evaluations, done, seconds, non_finite = False, 0, 0, 0.0, 0
    if since is None:
        state = optimizer.init()
    else:
        state = optimizer.restore(since.arrays["optimizer"])
        found = since.best
        best = BestPoint(since.arrays["best"]["x"], found["loss"], found["metrics"])
        succeeded, evaluations = found["succeeded"], since.evaluations
        done, seconds, non_finite = since.iteration, found["wall_s"], found.get("non_finite", 0)
    start = time.perf_counter() - seconds
    # A run may have been stopped between its last checkpoint and its result.
    over = succeeded and config.stop_on_success

    validation = Validation(experiment)
    names = (*experiment.task.figures, *validation.metric_names)
    with (
        ExitStack() as stack,
        MetricsWriter(saved.metrics_path, names, after=done) as writer,
        ProgressDisplay(console, iterations) as display,
    ):
        logs: list[MetricsWriter | TensorBoard] = [writer]
        logs += [stack.enter_context(LOGGERS[name](folder, done)) for name in config.loggers]
        stack.enter_context(course.iterating(logs))
        for iteration in range(done + 1, done + 1 if over else iterations + 1):
            state, report = optimizer.step(state)
            evaluations += report.evaluations
            non_finite += report.not_finite
            metrics = {name: report.metrics[name] for name in experiment.task.figures}
            # What a controller is worth: in episodes for validation if there are any.
            loss, judged = report.loss, metrics
            judges = validation.due(iteration) or not validation.metric_names
            if validation.due(iteration):
                loss, judged = validation.run(report.x)
                metrics = metrics | {f"{VALIDATION}{name}": judged[name] for name in judged}
            done, seconds = iteration, time.perf_counter() - start
            row = MetricsRow(
                iteration,
                evaluations,
                seconds,
                report.loss,
                report.grad_norm,
                report.clipped,
                non_finite,
                metrics,
            )
            for log in logs:
                log.append(row)
            display.update(row)
            _check_finite(experiment, report, optimizer.flow, iteration)
            if judges and math.isfinite(loss):
                success = experiment.task.succeeded(judged)
                # Once the goal is met, only points that meet it are better.
                if best is None or (success, -loss) > (succeeded, -best.loss):
                    best, succeeded = BestPoint(report.x, loss, judged), success
            last = iteration == iterations or (succeeded and config.stop_on_success)
            signal = course.interruption.signal
            make = None
            if best is not None:
                make = partial(_checkpoint, experiment, optimizer, state, row, best, succeeded)
            course.complete(iteration, make)
            if last or signal is not None or iteration % config.checkpoints.every == 0:
                course.save()
            start += _record_start(experiment, saved)
            if last:
                break
            if signal is not None:
                reason = f"by {signal.name}, after iteration {iteration}"
                raise course.interruption.leave(signal, reason)

    if best is None:
        raise DivergedError("no iteration had a finite loss")
    motion = _record_trajectory(experiment, best.x, saved.trajectory_path("after"))
    robot = experiment.variables.unpack(jnp.asarray(best.x)).config.robot
    saved.write_surfaces(surfaces_record(robot))
    # The loss does not have to show it: not every figure of a task depends on every number.
    if (place := first_divergence(motion, experiment.part_names)) is not None:
        raise DivergedError(
            f"the motion of the best point is not finite (first at step {place[0]}, "
            f"body '{place[1]}')"
        )
    goal = experiment.watched_goal()
    result = RunResult(
        folder=folder,
        succeeded=succeeded,
        iterations=done,
        evaluations=evaluations,
        wall_s=seconds,
        loss=best.loss,
        metrics=best.metrics,
        variables={
            name: value.tolist()
            for name, value in experiment.variables.named(best.x).items()
            if value.size <= LISTED
        },
        goal=None if goal is None else [float(component) for component in goal],
    )
    saved.write_result(_as_json(result))
    return result


def _checkpoint(
    experiment: Experiment,
    optimizer: Optimizer,
    state: Any,
    row: MetricsRow,
    best: BestPoint,
    succeeded: bool,
) -> Checkpoint:
    """The checkpoint of an iteration; without JAX, as another thread may want it."""
    return Checkpoint(
        row.iteration,
        row.evaluations,
        best={
            "loss": best.loss,
            "metrics": best.metrics,
            "succeeded": succeeded,
            "wall_s": row.wall_s,
            "non_finite": row.non_finite,
        },
        arrays={
            "variables": experiment.variables.named(best.x),
            "best": {"x": best.x},
            "optimizer": optimizer.arrays(state),
        },
    )


def _check_finite(
    experiment: Experiment, report: Report, flow: GradientFlow | None, iteration: int
) -> None:
    """Stop when loss or gradient is not finite too often in a row, and say where it began.

    How often that is, the optimiser says. Evolution survives single episodes that are not finite:
    it reports its best one.
    """
    finite = math.isfinite(report.loss) and math.isfinite(report.grad_norm or 0.0)
    if finite or report.goes_on:
        return
    what = "loss" if not math.isfinite(report.loss) else "gradient"
    where = _beginning(experiment, report, flow)
    times = f" {report.skipped} times in a row" if report.skipped > 1 else ""
    raise DivergedError(f"the {what} is not finite{times} at iteration {iteration}{where}")


def _beginning(experiment: Experiment, report: Report, flow: GradientFlow | None) -> str:
    """Sentence about where the motion, or the gradient on its way back, is not finite."""
    place = first_divergence(_simulate(experiment, report.x), experiment.part_names)
    if place is not None:
        return f" (first at step {place[0]}, body '{place[1]}')"
    if report.key is None or flow is None:
        return ""
    x = jnp.asarray(report.x, experiment.initial.dtype)
    sensitivity = Program(lambda x, key: experiment.sensitivity(x, key, flow))(x, report.key)
    place = last_divergence(sensitivity, experiment.body_names)
    if place is None:
        return " (the motion and the gradient with respect to it are)"
    return f" (going back in time, first at step {place[0]}, body '{place[1]}')"


def _simulate(experiment: Experiment, x: np.ndarray) -> Motion:
    motion: Motion = experiment.compiled_trajectory(jnp.asarray(x, experiment.initial.dtype))
    return motion


def _record_start(experiment: Experiment, saved: RunFolder) -> float:
    """Write the motion before training, if it is not there yet; the seconds that this took [s].

    It is a program of its own, and no part of the training: so it comes after the first iteration.
    """
    began = time.perf_counter()
    if not saved.has_start:
        _record_trajectory(experiment, experiment.initial, saved.trajectory_path("before"))
    return time.perf_counter() - began


def _record_trajectory(experiment: Experiment, x: np.ndarray, path: Path) -> Motion:
    """Write the motion of the watched episode at a point; the motion."""
    dt = float(experiment.variables.unpack(jnp.asarray(x)).config.simulation.dt)
    motion = _simulate(experiment, x)
    save_trajectory(path, motion, experiment.part_names, dt)
    return motion


def load_result(folder: Path) -> RunResult:
    """The outcome of a run that is over.

    Raises:
        ConfigError: if it has none.
    """
    try:
        found = RunFolder(folder).result()
        found["loss"] = float(found["loss"])  # JSON has no inf and nan: they are texts
        found["metrics"] = {name: float(value) for name, value in found["metrics"].items()}
        return RunResult(folder=folder, **found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"the run in {folder} has no result that can be read") from error


def _as_json(result: RunResult) -> dict[str, Any]:
    return {name: value for name, value in vars(result).items() if name != "folder"}
