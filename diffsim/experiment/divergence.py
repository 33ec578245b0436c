"""Numbers that stop being finite: in a motion, in a gradient on its way back, in a training."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np

from diffsim.experiment.experiment import Experiment
from diffsim.math.spatial import Motion
from diffsim.math.vectors import Vec3
from diffsim.optimizers.optimizer import Report
from diffsim.programs import Program
from diffsim.simulate.gradient_flow import GradientFlow


class DivergedError(Exception):
    """Numbers that are no longer finite; the message says where."""


def check_finite(
    experiment: Experiment, report: Report, flow: GradientFlow | None, iteration: int
) -> None:
    """Stop when loss or gradient is not finite too often in a row, and say where it began.

    How often that is, the optimiser says. Evolution survives single episodes that are not finite:
    it reports its best one.

    Raises:
        DivergedError: naming the iteration, and the step and the body if they can be found.
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
    place = first_divergence(experiment.motion(report.x), experiment.part_names)
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


def first_divergence(states: Motion, names: tuple[str, ...]) -> tuple[int, str] | None:
    """Step and part at which a trajectory stops being finite, None if it is finite throughout."""
    broken = _broken((states.pose.position, states.twist.linear, states.twist.angular))
    return _place(broken, names) if broken.any() else None


def last_divergence(gradient: Vec3, names: tuple[str, ...]) -> tuple[int, str] | None:
    """Step and body at which a gradient, on its way back in time, stops being finite.

    Args:
        gradient: with respect to the bodies' velocities before every step, components
            (steps, bodies) or (steps, bodies, robots).
        names: of the bodies.

    Returns:
        None if it is finite throughout.
    """
    broken = _broken((gradient,))
    if not broken.any():
        return None
    if broken.ndim == 3:
        broken = np.any(broken, axis=2)
    back, body = _place(broken[::-1], names)
    return len(broken) - 1 - back, body


def _broken(vectors: tuple[Vec3, ...]) -> np.ndarray:
    """Flags of components that are not finite, shape of a component."""
    numbers = np.stack([component for vector in vectors for component in vector], axis=-1)
    return np.logical_not(np.all(np.isfinite(numbers), axis=-1))


def _place(broken: np.ndarray, names: tuple[str, ...]) -> tuple[int, str]:
    step, body = np.argwhere(broken)[0]
    return int(step), names[body]
