"""Task of every engine: walk a robot in a closed loop, and say how far it gets.

A linear controller without biases maps 81 numbers to 16 commands. Of MuJoCo's state these are its
43 coordinates and 34 rates, and the four elbows' angles once more, so that all engines have 1,296
weights; ours reads its 81 sensors. The result is the mean distance along x over all robots; the
gradient is that with respect to the weights, through all time steps.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Protocol

import numpy as np

READINGS, COMMANDS = 81, 16
WEIGHT, PUSH = 0.001, 0.1
"""Standard deviations of the weights, and of the robots' initial velocities along x, y [m/s]."""

CONVERGED = 100
"""Iterations of MuJoCo's solver, which stops before when it has converged."""


@dataclasses.dataclass(frozen=True)
class PeerCell:
    """One engine's job.

    Attributes:
        engine: "ours", "mujoco" or "mjx".
        model: path of the robot as a MuJoCo model (MJB); ours reads its own config.
        robots: at once.
        gradient: whether it is computed, too.
        steps: of ``timestep``.
        timestep: [s].
        iterations: of MJX's and MuJoCo's solver, 0 for the engine's default.
        line_search: steps of MJX's line search in each iteration, 0 for MuJoCo's default, 50.
        precision: "float32" or "float64"; MuJoCo's C always computes in float64.
        threads: cores to be used.
        settle: time steps without control before the task begins, so that the robot stands.
    """

    engine: str
    model: str
    robots: int
    gradient: bool
    steps: int
    timestep: float = 0.01
    iterations: int = 0
    line_search: int = 0
    precision: str = "float32"
    threads: int = 1
    settle: int = 0

    def weights(self) -> np.ndarray:
        """Weights of the controller, (commands, readings)."""
        return WEIGHT * np.random.default_rng(0).standard_normal((COMMANDS, READINGS))

    def pushes(self) -> np.ndarray:
        """Initial velocities along x and y [m/s], (robots, 2); a single robot starts at rest."""
        if self.robots == 1:
            return np.zeros((1, 2))
        return PUSH * np.random.default_rng(1).standard_normal((self.robots, 2))

    def directions(self, count: int) -> np.ndarray:
        """Random ones in the space of the weights, of length 1, (count, commands, readings)."""
        found = np.random.default_rng(2).standard_normal((count, COMMANDS, READINGS))
        return found / np.linalg.norm(found, axis=(1, 2), keepdims=True)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def from_json(text: str) -> PeerCell:
        return PeerCell(**json.loads(text))


class PeerEngine(Protocol):
    """Engine that is prepared (compiled) for a task, as a worker asks it."""

    def run(self) -> dict[str, Any]:
        """Do the task once: ``value``, mean ``height`` of the spine at the end and, if asked for,
        ``largest`` entry of the gradient."""

    def value(self, weights: np.ndarray) -> float:
        """The distance alone."""

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        """Gradient of the distance with respect to the weights, (commands, readings)."""

    def unconverged(self) -> list[float]:
        """Error of the spine's velocity in each step, against a converged solver [m/s]."""
