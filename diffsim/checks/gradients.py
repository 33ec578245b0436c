"""The gradient of a simulation by reverse mode against central differences, kind by kind.

The loss is a random, fixed, linear function of the final pose and velocity of all bodies. It is
differentiated by the parameters of how the robot is driven, by the initial state, and by every
number of the robot's configuration and gravity. Each number counts in units of its scale.

Differences are taken at two step sizes, h and h/2, and on both sides. Where these contradict each
other there is a *switch* within the step (a contact that begins, stick that turns to slip), and no
derivative to compare with; such numbers are counted, and left out of the comparison.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.checks.config import CheckSettings
from diffsim.checks.excitation import Excitation, feedback_scale, sines, with_feedback
from diffsim.checks.numbers import INITIAL_STATE, Number, collect
from diffsim.checks.start import lowered, nudged
from diffsim.checks.trial import BATCH, SENSORS, Trial, Trials
from diffsim.robots.config import RobotConfig
from diffsim.sensors.sensors import Sensors
from diffsim.world.world import State, World, part_motion

CONTROLLER = "controller"
SHIFTS = (1.0, -1.0, 0.5, -0.5)
"""Of one number at a time, in units of ``difference``: one batch of trials."""
ROUND_OFF = 1e-14
"""Of the loss, in units of Σ |its terms|: some steps lose a digit or two of float64's sixteen."""
RESOLVED = 1e4
"""Differences that are so many times their round-off have four digits. Smaller ones are compared
with such a size in place of their own."""
CONTRADICTION = 1e-4
"""How far differences of two sizes may be apart, as a share of the kind's typical derivative, where
there is no switch."""
VELOCITY_WEIGHT = 0.1
"""Of velocities beside positions in the loss [s]."""


class KindResult(NamedTuple):
    """The comparison of one kind of numbers.

    Attributes:
        kind: "controller", "initial state", or a field such as "body.size".
        numbers: how many there are.
        compared: how many of them were compared.
        switches: how many were chosen but lie next to a switch.
        norm: of the differences, for a change of each number by its scale.
        finite: whether the gradient is, by all of the kind's numbers.
        error: relative, ‖gradient − differences‖ / ‖differences‖; nan if nothing was compared.
        cosine: of the angle between both; None if they are too small to have a direction.
        matters: whether any of the kind's numbers has an effect on the loss.
        holds: whether the gradient is finite and, where there is something to compare, both
            tolerances hold.
    """

    kind: str
    numbers: int
    compared: int
    switches: int
    norm: float
    finite: bool
    error: float
    cosine: float | None
    matters: bool
    holds: bool


class Point(NamedTuple):
    """Point of a gradient: all numbers in a row, those of the excitation last.

    Attributes:
        numbers: of the configuration.
        excitation: at the point.
        kinds, values, scales: of all numbers.
    """

    numbers: list[Number]
    excitation: Excitation
    kinds: np.ndarray
    values: np.ndarray
    scales: np.ndarray

    def unpack(self, values: np.ndarray) -> tuple[dict[str, np.ndarray], Excitation]:
        """Numbers by their paths and the excitation, from values with leading axes."""
        named = {number.path: values[..., k] for k, number in enumerate(self.numbers)}
        parts, start = [], len(self.numbers)
        for part in self.excitation:
            flat = values[..., start : start + part.size]
            parts.append(flat.reshape(*values.shape[:-1], *part.shape))
            start += part.size
        return named, Excitation(*parts)

    def pack(self, named: dict[str, Any], excitation: Excitation) -> np.ndarray:
        """The other way round, without leading axes."""
        parts = [np.ravel(named[number.path]) for number in self.numbers]
        return np.concatenate([*parts, *(np.ravel(part) for part in excitation)])


class Samples(NamedTuple):
    """The loss about the point, one row for each chosen number.

    Attributes:
        base: at the point itself, shape ().
        shifted: at ``SHIFTS``, shape (chosen, BATCH).
        size: Σ |terms of the loss| at the point.
    """

    base: float
    shifted: np.ndarray
    size: float


def check_gradients(trials: Trials, world: World) -> list[KindResult]:
    """Compare all kinds.

    Args:
        trials: of the robot.
        world: of the robot.
    """
    config = trials.config
    random = np.random.default_rng(config.seed)
    robot = lowered(nudged(config.robot, config.check, random))
    sensors = Sensors(robot)
    drive = sines(robot, config.check, len(sensors.names))
    scales = feedback_scale(drive, sensors.units)
    drive = with_feedback(drive, sensors.units, random)
    point = _point(collect(robot, config.simulation), drive, scales)
    loss = _Loss(len(world.parts.names), random)

    gradient = _reverse(trials, robot, point, loss)
    chosen = choose(point.kinds, gradient, config.check.components, random)
    samples = _sample(trials, robot, point, loss, chosen)
    return [
        compare(kind, point.kinds == kind, gradient, chosen, samples, config.check)
        for kind in _ordered(point.kinds)
    ]


class _Loss:
    """Random weights, and the terms that they make of a state."""

    def __init__(self, parts: int, random: np.random.Generator) -> None:
        self._weights = random.standard_normal((18, parts)) / math.sqrt(parts)

    def terms(self, world: World, state: State) -> jax.Array:
        """Weighted components of all parts' motion, shape (18, parts)."""
        motion = part_motion(world.parts, state)
        velocities = (*motion.twist.linear, *motion.twist.angular)
        rows = [
            *motion.pose.position,
            *(component for column in motion.pose.rotation for component in column),
            *(component * VELOCITY_WEIGHT for component in velocities),
        ]
        return jnp.stack(rows) * self._weights


def _point(numbers: list[Number], drive: Excitation, feedback: np.ndarray) -> Point:
    named = {number.path: number.value for number in numbers}
    kinds = [*(number.kind for number in numbers), *[CONTROLLER] * sum(p.size for p in drive)]
    point = Point(numbers, drive, np.array(kinds), np.zeros(0), np.zeros(0))
    by_scale = {number.path: number.scale for number in numbers}
    in_scale = Excitation(drive.amplitude, drive.amplitude, feedback)
    return point._replace(values=point.pack(named, drive), scales=point.pack(by_scale, in_scale))


def _trial(trials: Trials, robot: RobotConfig, point: Point, values: np.ndarray) -> Trial:
    """The trial of a point's values; with leading axes, building them all at once."""
    named, drive = point.unpack(values)
    build = partial(trials.build, robot)
    for _ in values.shape[:-1]:
        build = jax.vmap(build)
    world, state = build(named)
    sensors = {path: value for path, value in named.items() if path.startswith(SENSORS)}
    return Trial(world, state, drive, sensors)


def _reverse(trials: Trials, robot: RobotConfig, point: Point, loss: _Loss) -> np.ndarray:
    """The gradient by all numbers, each in units of its scale."""

    def after(trial: Trial) -> jax.Array:
        return jnp.sum(loss.terms(trial.world, trials.simulate(trial).state))

    named, drive = point.unpack(point.values)
    built, pull = jax.vjp(partial(trials.build, robot), named)
    sensors = {path: value for path, value in named.items() if path.startswith(SENSORS)}
    by_trial = jax.jit(jax.grad(after))(Trial(*built, drive, sensors))
    (by_number,) = pull((by_trial.world, by_trial.state))
    for path, value in by_trial.sensor_numbers.items():
        by_number[path] = by_number[path] + value
    return point.pack(by_number, by_trial.excitation) * point.scales


def choose(
    kinds: np.ndarray, gradient: np.ndarray, count: int, random: np.random.Generator
) -> np.ndarray:
    """Indices to compare: of each kind, those of the largest derivatives and some at random."""
    chosen: list[int] = []
    size = np.where(np.isfinite(gradient), np.abs(gradient), np.inf)
    for kind in np.unique(kinds):
        members = np.flatnonzero(kinds == kind)
        by_size = members[np.argsort(-size[members], kind="stable")]
        largest, others = np.split(by_size, [min(len(by_size), (count + 1) // 2)])
        drawn = random.permutation(others)[: count - len(largest)]
        chosen += [*largest, *drawn]
    return np.array(chosen, int)


def _sample(
    trials: Trials, robot: RobotConfig, point: Point, loss: _Loss, chosen: np.ndarray
) -> Samples:
    """Simulate at the point and, one number after another, beside it."""
    values = np.tile(point.values, (1 + len(chosen), BATCH, 1))
    for row, number in enumerate(chosen, start=1):
        shift = trials.config.check.difference * point.scales[number]
        values[row, :, number] += shift * np.array(SHIFTS)
    every = jax.tree.map(np.asarray, _trial(trials, robot, point, values))
    ends = []
    for row in range(len(values)):
        end, _ = trials.advance(jax.tree.map(lambda leaf, row=row: leaf[row], every))
        ends.append(jax.tree.map(np.asarray, end.state))
    state = jax.tree.map(lambda *leaves: np.stack(leaves), *ends)
    terms = np.asarray(jax.vmap(jax.vmap(loss.terms))(every.world, state))
    total = terms.sum(axis=(-2, -1))
    return Samples(total[0, 0], total[1:], float(np.abs(terms[0, 0]).sum()))


def compare(
    kind: str,
    members: np.ndarray,
    gradient: np.ndarray,
    chosen: np.ndarray,
    samples: Samples,
    settings: CheckSettings,
) -> KindResult:
    """Judge one kind.

    Args:
        kind: its name.
        members: which of all numbers are of the kind.
        gradient: by all numbers, each in units of its scale.
        chosen: indices of the numbers that were varied, of this kind or others.
        samples: the loss about the point.
        settings: step size and tolerances.
    """
    step, tolerances = settings.difference, settings.tolerances
    rows = members[chosen]
    own = gradient[chosen[rows]]
    up, down, half_up, half_down = samples.shifted[rows].T
    slope, half_slope = (up - down) / (2.0 * step), (half_up - half_down) / step
    # Twice the difference of the slopes on both sides: halves with the step, but not at a kink.
    bend = (up + down - 2.0 * samples.base) / step
    half_bend = (half_up + half_down - 2.0 * samples.base) / (0.5 * step)

    # Differences cannot tell what is smaller than their round-off.
    noise = ROUND_OFF * samples.size / step
    floor = RESOLVED * noise
    matters = not np.all(np.abs([own, slope]) <= noise) or not np.all(
        np.abs(gradient[members]) <= noise
    )
    typical = max(min(_norm(own), _norm(half_slope)), floor) / math.sqrt(max(1, len(own)))
    contradiction = np.maximum(np.abs(slope - half_slope), np.abs(half_bend - 0.5 * bend))
    smooth = ~(contradiction > CONTRADICTION * typical)
    own, slope = own[smooth], slope[smooth]
    norm = _norm(slope)
    error = _norm(own - slope) / max(norm, floor) if len(own) else math.nan
    cosine = None
    if matters and min(norm, _norm(own)) > floor:
        cosine = float(own @ slope / (_norm(own) * norm))
    finite = bool(np.all(np.isfinite(gradient[members])))
    holds = finite and (
        not len(own)
        or (
            error <= tolerances.gradient_error
            and (cosine is None or cosine >= tolerances.gradient_cosine)
        )
    )
    return KindResult(
        kind=kind,
        numbers=int(np.sum(members)),
        compared=len(own),
        switches=int(np.sum(~smooth)),
        norm=norm,
        finite=finite,
        error=error,
        cosine=cosine,
        matters=matters,
        holds=holds,
    )


def _ordered(kinds: np.ndarray) -> list[str]:
    """Controller, initial state, then the others as they come."""
    first = [kind for kind in (CONTROLLER, INITIAL_STATE) if kind in kinds]
    return [*first, *(kind for kind in dict.fromkeys(kinds.tolist()) if kind not in first)]


def _norm(values: np.ndarray) -> float:
    return float(np.linalg.norm(values))
