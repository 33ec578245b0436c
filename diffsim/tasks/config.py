"""What a task's YAML file may say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from omegaconf import MISSING

from diffsim.robots.check import check_sensors, coordinate_count
from diffsim.robots.check_values import check_reference, is_known
from diffsim.robots.config import RobotConfig, SensorConfig
from diffsim.validation import ConfigError, bounded, check_identifier


@dataclass
class EffortConfig:
    """What is added to the loss for how hard the motors work, means over all time steps."""

    torque: float = bounded(0.0, at_least=0)  # per (N·m)², of the sum of squares over all motors
    energy: float = bounded(0.0, at_least=0)  # per W, of the sum of |power|
    smoothness: float = bounded(0.0, at_least=0)  # per (N·m)², of changes from step to step


@dataclass
class StartConfig:
    """How far from the robot's own start an episode may begin, evenly on both sides.

    For every coordinate of every joint; a robot whose joints close a loop cannot be scattered.
    """

    position: float = bounded(0.0, at_least=0)  # [rad], [m] of sliders
    velocity: float = bounded(0.0, at_least=0)  # [rad/s], [m/s] of sliders

    @property
    def scatters(self) -> bool:
        """Whether episodes begin differently."""
        return self.position > 0.0 or self.velocity > 0.0


@dataclass
class PracticeConfig(StartConfig):
    """Another place where a share of the episodes of training begins, and how far around it."""

    share: float = bounded(0.5, above=0, at_most=1)
    # Coordinates of joints [rad], [m]; the robot's own start where none are given.
    joints: dict[str, Any] = field(default_factory=dict)


@dataclass
class PushConfig:
    """Sudden changes of the velocity of the task's body, in horizontal directions."""

    speed: float = bounded(0.0, at_least=0)  # [m/s]
    every: float = bounded(5.0, above=0)  # [s]


@dataclass
class TaskConfig:
    """What all tasks have."""

    has_residuals: ClassVar[bool] = False  # the loss is half their sum of squares, as lm needs it

    start: StartConfig = field(default_factory=StartConfig)
    # Other starts, of training alone: never in validation and evaluation.
    practice: dict[str, PracticeConfig] = field(default_factory=dict)
    push: PushConfig = field(default_factory=PushConfig)
    duration: float = bounded(5.0, above=0)  # [s]
    # What the controller reads; the robot's own sensors if none are given here.
    sensors: dict[str, SensorConfig] = field(default_factory=dict)
    effort: EffortConfig = field(default_factory=EffortConfig)

    @property
    def begins_differently(self) -> bool:
        """Whether episodes of training have different starts."""
        return self.start.scatters or bool(self.practice)

    @property
    def varies(self) -> bool:
        """Whether episodes differ by what any task may draw."""
        return self.begins_differently or self.push.speed > 0.0


@dataclass
class ThrowConfig(TaskConfig):
    """Throw a sphere so that it rests at a point on the ground after a given time."""

    has_residuals: ClassVar[bool] = True

    kind: str = bounded("throw", choices=("throw",))
    body: str = MISSING
    target: list[float] = bounded([10.0, 0.0], length=2)  # x, y on the ground [m]
    position_tolerance: float = bounded(0.01, above=0)  # [m]
    velocity_tolerance: float = bounded(0.01, above=0)  # [m/s], for velocity and for r·ω
    velocity_weight: float = bounded(3.0, at_least=0)  # [s], of velocities against positions


@dataclass
class ShellConfig:
    """Part of a hollow ball, from which points are drawn evenly by volume."""

    center: list[float] = bounded([0.0, 0.0, 0.0], length=3)  # [m]
    inner: float = bounded(0.0, at_least=0)  # [m]
    outer: float | None = bounded(None, above=0)  # [m]; null: nothing is drawn
    lowest: float = 0.0  # no point is below this height [m]


@dataclass
class ReachConfig(TaskConfig):
    """Bring a body to a point and keep it there: the same one always, or another in each episode.

    The loss is the mean distance over time, or over the time after ``loss_after``.
    """

    kind: str = bounded("reach", choices=("reach",))
    body: str = MISSING
    target: list[float] | None = bounded(None, length=3)  # [m]
    # Where a target is drawn in each episode, if none is given.
    shell: ShellConfig = field(default_factory=ShellConfig)
    loss_after: float = bounded(0.0, at_least=0)  # [s]
    # From when on the distance counts for success [s]; null: at the very end.
    measure_after: float | None = bounded(None, at_least=0)
    tolerance: float = bounded(0.01, above=0)  # [m]
    velocity_weight: float = bounded(0.0, at_least=0)  # [s], of the body's speed in the loss


@dataclass
class GaitConfig(TaskConfig):
    """Move a body forward, along x, as fast as possible."""

    kind: str = bounded("gait", choices=("gait",))
    body: str = MISSING
    speed: float = bounded(1.17, above=0)  # mean over the episode that counts as success [m/s]


AnyTaskConfig = ThrowConfig | ReachConfig | GaitConfig


def check_task(task: AnyTaskConfig, robot: RobotConfig) -> None:
    """Check that the robot has what the task speaks of.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    body = robot.bodies.get(task.body)
    if body is None:
        names = ", ".join(robot.bodies)
        raise ConfigError(f"task.body must be one of {names}, got '{task.body}'")
    check_sensors(robot, task.sensors, "task.sensors")
    _check_starts(task, robot)
    for name, sensor in task.sensors.items():
        if sensor.type == "goal" and isinstance(task, GaitConfig):
            raise ConfigError(f"task.sensors.{name}.type must not be goal: this task sets none")
    if isinstance(task, ThrowConfig) and not (body.shape == "sphere" and body.ground_contact):
        raise ConfigError(f"task.body must be a sphere that touches the ground, got '{task.body}'")
    if isinstance(task, ReachConfig):
        _check_reach(task)


def _check_starts(task: TaskConfig, robot: RobotConfig) -> None:
    _check_scatter(task.start, "task.start", robot)
    shares = sum(practice.share for practice in task.practice.values())
    if shares > 1.0 + 1e-9:
        raise ConfigError(f"the shares of task.practice must be at most 1 in all, got {shares:g}")
    for name, practice in task.practice.items():
        key = f"task.practice.{name}"
        check_identifier(name, "task.practice")
        _check_scatter(practice, key, robot)
        for joint_name, coordinates in practice.joints.items():
            check_reference(f"{key}.joints", joint_name, robot.joints)
            joint = robot.joints[joint_name]
            if joint.closes_loop:
                raise ConfigError(f"{key}.joints must not have '{joint_name}': it closes a loop")
            count = coordinate_count(joint)
            numbers = isinstance(coordinates, list) and is_known(coordinates)
            if not numbers or len(coordinates) != count:
                raise ConfigError(
                    f"{key}.joints.{joint_name} must be a list of as many numbers as a "
                    f"{joint.type} joint has coordinates, {count}, got {coordinates}"
                )


def _check_scatter(start: StartConfig, key: str, robot: RobotConfig) -> None:
    joints = robot.joints.values()
    movable = any(joint.type not in ("fixed", "free") for joint in joints)
    for field_name in ("position", "velocity"):
        value = getattr(start, field_name)
        if value > 0.0 and not movable:
            raise ConfigError(f"{key}.{field_name} must be 0 without joints, got {value}")
        if value > 0.0 and any(joint.closes_loop for joint in joints):
            raise ConfigError(
                f"{key}.{field_name} must be 0 for joints that close a loop, got {value}"
            )


def _check_reach(task: ReachConfig) -> None:
    shell = task.shell
    if (task.target is None) == (shell.outer is None):
        got = "neither" if task.target is None else "both"
        raise ConfigError(f"task must have either a target or a shell.outer, got {got}")
    for name in ("loss_after", "measure_after"):
        time = getattr(task, name)
        if time is not None and time >= task.duration:
            raise ConfigError(f"task.{name} must be < task.duration ({task.duration}), got {time}")
    if shell.outer is None:
        return
    if shell.outer <= shell.inner:
        raise ConfigError(
            f"task.shell.outer must be > task.shell.inner ({shell.inner}), got {shell.outer}"
        )
    top = shell.center[2] + shell.outer
    if shell.lowest >= top:
        raise ConfigError(
            f"task.shell.lowest must be below the shell's top ({top}), got {shell.lowest}"
        )
