"""The training itself: iterations, the best point so far, and all that is written on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from rich.console import Console

from diffsim.experiment.course import Course
from diffsim.experiment.divergence import DivergedError, check_finite, first_divergence
from diffsim.experiment.experiment import Experiment
from diffsim.experiment.loggers import LOGGERS, TensorBoard
from diffsim.experiment.metrics import MetricsRow, MetricsWriter
from diffsim.experiment.progress import ProgressDisplay
from diffsim.experiment.result import LISTED, RunResult
from diffsim.experiment.scenario import validation_key
from diffsim.experiment.trajectory import save_trajectory
from diffsim.math.spatial import Motion
from diffsim.optimizers.optimizer import Optimizer, Report
from diffsim.programs import Program
from diffsim.robots.surfaces import surfaces_record
from diffsim.runs.checkpoint import Checkpoint
from diffsim.runs.folder import RunFolder
from diffsim.tasks.figures import VALIDATION


class Judgement(NamedTuple):
    """Loss and metrics by which a point is judged."""

    loss: float
    metrics: dict[str, float]


class Iteration(NamedTuple):
    """One iteration.

    Attributes:
        row: of the metrics.
        report: the optimiser's.
        judged: by which figures its point is judged, None if it is not.
    """

    row: MetricsRow
    report: Report
    judged: Judgement | None


class BestPoint(NamedTuple):
    """The best point so far: the first that met the goal, else the one of the lowest loss.

    Attributes:
        x: the variables, divided by their scales, shape (variables,).
        loss, metrics: by which it was judged.
        succeeded: whether it meets the goal.
    """

    x: np.ndarray
    loss: float
    metrics: dict[str, float]
    succeeded: bool


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

    def run(self, x: np.ndarray) -> Judgement:
        """Mean loss and metrics."""
        found = self._each(jnp.asarray(x), self._key)
        metrics = {name: float(jnp.mean(values)) for name, values in found.metrics.items()}
        return Judgement(float(jnp.mean(found.loss)), metrics)


class Training:
    """A training, from its first iteration or from a checkpoint to its end.

    Args:
        experiment: what is trained.
        optimizer: by which.
        saved: the folder of the run.
        since: where it goes on, None at the start.
    """

    def __init__(
        self,
        experiment: Experiment,
        optimizer: Optimizer,
        saved: RunFolder,
        since: Checkpoint | None,
    ) -> None:
        self._experiment, self._optimizer, self._saved = experiment, optimizer, saved
        self._validation = Validation(experiment)
        self._best: BestPoint | None = None
        self._done = self._evaluations = self._non_finite = 0
        self._seconds = 0.0
        if since is None:
            self._state = optimizer.init()
            return
        self._state = optimizer.restore(since.arrays["optimizer"])
        self._done, self._evaluations = since.iteration, since.evaluations
        found = since.best
        x = since.arrays["best"]["x"]
        self._best = BestPoint(x, found["loss"], found["metrics"], found["succeeded"])
        self._seconds, self._non_finite = found["wall_s"], found.get("non_finite", 0)

    @property
    def is_over(self) -> bool:
        """True after the last iteration, or once the goal is met, if that is to be the end.

        It may be so at the start, of a run that was stopped before it wrote its result.
        """
        config = self._experiment.config
        met = config.stop_on_success and self._best is not None and self._best.succeeded
        return met or self._done == config.optimizer.iterations

    def run(self, console: Console, course: Course) -> None:
        """Iterate to the end.

        Args:
            console: for what is told on the way.
            course: that keeps the checkpoints, and hears of signals.

        Raises:
            DivergedError: if loss or gradient are not finite, too often in a row.
            Interrupted: if it was told to stop by a signal.
        """
        config, saved = self._experiment.config, self._saved
        names = (*self._experiment.task.figures, *self._validation.metric_names)
        self._start = time.perf_counter() - self._seconds
        with (
            ExitStack() as stack,
            MetricsWriter(saved.metrics_path, names, after=self._done) as writer,
            ProgressDisplay(console, config.optimizer.iterations) as display,
        ):
            logs: list[MetricsWriter | TensorBoard] = [writer]
            known = [LOGGERS[name] for name in config.loggers]
            logs += [stack.enter_context(log(saved.path, self._done)) for log in known]
            stack.enter_context(course.iterating(logs))
            while not self.is_over:
                row, report, judged = self._iterate()
                for log in logs:
                    log.append(row)
                display.update(row)
                check_finite(self._experiment, report, self._optimizer.flow, self._done)
                self._keep_the_best(report.x, judged)
                signal = course.interruption.signal
                course.complete(self._done, self._checkpoint(row))
                if self.is_over or signal or self._done % config.checkpoints.every == 0:
                    course.save()
                if signal and not self.is_over:
                    reason = f"by {signal.name}, after iteration {self._done}"
                    raise course.interruption.leave(signal, reason)
                # A program of its own, and no part of the training: nobody waits for it at first.
                self._start += record_start(self._experiment, saved)

    def finish(self) -> RunResult:
        """Write the motion and the surfaces of the best point, and the result.

        Raises:
            DivergedError: if there is none, or its motion is not finite.
        """
        experiment, best = self._experiment, self._best
        if best is None:
            raise DivergedError("no iteration had a finite loss")
        record_start(experiment, self._saved)  # if a run was stopped before that
        motion = _record(experiment, best.x, self._saved, "after")
        robot = experiment.variables.unpack(jnp.asarray(best.x)).config.robot
        self._saved.write_surfaces(surfaces_record(robot))
        # The loss does not have to show it: not every figure of a task depends on every number.
        if (place := first_divergence(motion, experiment.part_names)) is not None:
            raise DivergedError(
                f"the motion of the best point is not finite (first at step {place[0]}, "
                f"body '{place[1]}')"
            )
        goal = experiment.watched_goal()
        values = experiment.variables.named(best.x)
        result = RunResult(
            folder=self._saved.path,
            succeeded=best.succeeded,
            iterations=self._done,
            evaluations=self._evaluations,
            wall_s=self._seconds,
            loss=best.loss,
            metrics=best.metrics,
            variables={name: v.tolist() for name, v in values.items() if v.size <= LISTED},
            goal=None if goal is None else [float(component) for component in goal],
        )
        result.save()
        return result

    def _iterate(self) -> Iteration:
        """One iteration, and a validation if one is due."""
        self._state, report = self._optimizer.step(self._state)
        self._done += 1
        self._evaluations += report.evaluations
        self._non_finite += report.not_finite
        metrics = {name: report.metrics[name] for name in self._experiment.task.figures}
        # What a controller is worth: in episodes for validation if there are any.
        judged = None if self._validation.metric_names else Judgement(report.loss, metrics)
        if self._validation.due(self._done):
            judged = self._validation.run(report.x)
            found = judged.metrics
            metrics = metrics | {f"{VALIDATION}{name}": found[name] for name in found}
        self._seconds = time.perf_counter() - self._start
        row = MetricsRow(
            self._done,
            self._evaluations,
            self._seconds,
            report.loss,
            report.grad_norm,
            report.clipped,
            self._non_finite,
            metrics,
        )
        return Iteration(row, report, judged)

    def _keep_the_best(self, x: np.ndarray, judged: Judgement | None) -> None:
        """Keep a point if it is the best one by its figures; without any it is not."""
        if judged is None or not math.isfinite(judged.loss):
            return
        best, succeeded = self._best, self._experiment.task.succeeded(judged.metrics)
        # Once the goal is met, only points that meet it are better.
        if best is None or (succeeded, -judged.loss) > (best.succeeded, -best.loss):
            self._best = BestPoint(x, *judged, succeeded)

    def _checkpoint(self, row: MetricsRow) -> Callable[[], Checkpoint] | None:
        """Make a function that makes the checkpoint of an iteration; None if there is no point yet.

        It is called by another thread, too, and so without JAX.
        """
        if self._best is None:
            return None
        return partial(_checkpoint, self._experiment, self._optimizer, self._state, row, self._best)


def record_start(experiment: Experiment, saved: RunFolder) -> float:
    """Write the motion before training, if it is not there yet; the seconds that this took [s]."""
    began = time.perf_counter()
    if not saved.has_start:
        _record(experiment, experiment.initial, saved, "before")
    return time.perf_counter() - began


def _record(experiment: Experiment, x: np.ndarray, saved: RunFolder, which: str) -> Motion:
    """Write the motion of the watched episode, "before" or "after" training; the motion."""
    dt = float(experiment.variables.unpack(jnp.asarray(x)).config.simulation.dt)
    motion = experiment.motion(x)
    save_trajectory(saved.trajectory_path(which), motion, experiment.part_names, dt)
    return motion


def _checkpoint(
    experiment: Experiment, optimizer: Optimizer, state: Any, row: MetricsRow, best: BestPoint
) -> Checkpoint:
    return Checkpoint(
        row.iteration,
        row.evaluations,
        best={
            "loss": best.loss,
            "metrics": best.metrics,
            "succeeded": best.succeeded,
            "wall_s": row.wall_s,
            "non_finite": row.non_finite,
        },
        arrays={
            "variables": experiment.variables.named(best.x),
            "best": {"x": best.x},
            "optimizer": optimizer.arrays(state),
        },
    )
