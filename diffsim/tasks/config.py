"""What a task's YAML file may say."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import MISSING

from diffsim.robots.config import RobotConfig
from diffsim.validation import ConfigError, bounded


@dataclass
class ThrowConfig:
    """Throw a sphere so that it rests at a point on the ground after a given time."""

    kind: str = bounded("throw", choices=("throw",))
    body: str = MISSING
    duration: float = bounded(5.0, above=0)  # [s]
    target: list[float] = bounded([10.0, 0.0], length=2)  # x, y on the ground [m]
    position_tolerance: float = bounded(0.01, above=0)  # [m]
    velocity_tolerance: float = bounded(0.01, above=0)  # [m/s], for velocity and for r·ω
    velocity_weight: float = bounded(3.0, at_least=0)  # [s], of velocities against positions


def check_task(task: ThrowConfig, robot: RobotConfig) -> None:
    """Check that the robot has what the task speaks of.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    body = robot.bodies.get(task.body)
    if body is None:
        names = ", ".join(robot.bodies)
        raise ConfigError(f"task.body must be one of {names}, got '{task.body}'")
    if body.shape != "sphere" or not body.ground_contact:
        raise ConfigError(f"task.body must be a sphere that touches the ground, got '{task.body}'")
