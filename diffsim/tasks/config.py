"""Settings that all tasks share; those of a kind are in its own file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from omegaconf import MISSING

from diffsim.robots.check import check_sensors, coordinate_count, reads_goal
from diffsim.robots.check_values import check_reference, is_known
from diffsim.robots.config import RobotConfig, SensorConfig
from diffsim.validation import ConfigError, Frozen, bounded, check_identifier

RELATIVE = 1e-6
"""Share by which a control period may differ from a multiple of the time step."""


@dataclass
class EffortConfig(Frozen):
    """Terms of the loss for how hard the motors work, means over all time steps."""

    torque: float = bounded(0.0, at_least=0)  # per (N·m)², of the sum of squares over all motors
    energy: float = bounded(0.0, at_least=0)  # per W, of the sum of |power|
    smoothness: float = bounded(0.0, at_least=0)  # per (N·m)², of changes from step to step


@dataclass
class ScatterConfig(Frozen):
    """Largest distance of an episode's start from a given one, evenly on both sides.

    For every coordinate of every joint; a robot whose joints close a loop cannot be scattered.
    """

    position: float = bounded(0.0, at_least=0)  # [rad], [m] of sliders
    velocity: float = bounded(0.0, at_least=0)  # [rad/s], [m/s] of sliders

    @property
    def scatters(self) -> bool:
        """True if episodes begin differently."""
        return self.position > 0.0 or self.velocity > 0.0


@dataclass
class StartConfig(ScatterConfig):
    """Start of episodes: near the robot's own, evenly on both sides of it."""

    # The robot is moved down, or up, until its lowest surface touches the ground.
    on_ground: bool = False


@dataclass
class PracticeConfig(ScatterConfig):
    """Another place where a share of the episodes of training begins, and how far around it."""

    share: float = bounded(0.5, above=0, at_most=1)
    # Coordinates of joints [rad], [m]; the robot's own start where none are given.
    joints: dict[str, Any] = field(default_factory=dict)


@dataclass
class PushConfig(Frozen):
    """Sudden changes of the velocity of the task's body, in horizontal directions."""

    speed: float = bounded(0.0, at_least=0)  # [m/s]
    every: float = bounded(5.0, above=0)  # [s]


@dataclass
class TaskConfig(Frozen):
    """Base of all tasks' configs. A kind's own has a field ``kind`` with the kind's name."""

    has_residuals: ClassVar[bool] = False  # the loss is half their sum of squares, as lm needs it
    sets_goal: ClassVar[bool] = False  # which sensors of the type goal read

    kind: str = MISSING
    body: str = MISSING  # that the task is about, and that is pushed
    start: StartConfig = field(default_factory=StartConfig)
    # Other starts, of training alone: never in validation and evaluation.
    practice: dict[str, PracticeConfig] = field(default_factory=dict)
    push: PushConfig = field(default_factory=PushConfig)
    # Numbers that each episode draws, by their keys: [least, greatest], {log_uniform: [least,
    # greatest]} or {normal: [mean, standard deviation]}, cut at three of these.
    randomize: dict[str, Any] = field(default_factory=dict)
    duration: float = bounded(5.0, above=0)  # [s]
    # For which the controller holds its commands [s], a multiple of simulation.dt; null: for one
    # time step. A controller that sees holds them from image to image.
    control_period: float | None = bounded(None, above=0)
    # What the controller reads; the robot's own sensors if none are given here.
    sensors: dict[str, SensorConfig] = field(default_factory=dict)
    effort: EffortConfig = field(default_factory=EffortConfig)

    def control_steps(self, timestep: float) -> int:
        """Number of time steps for which commands are held.

        Raises:
            ConfigError: if the control period is not a multiple of the time step [s].
        """
        period = self.control_period
        if period is None:
            return 1
        if period > self.duration:
            raise ConfigError(
                f"task.control_period must be at most task.duration ({self.duration}), got {period}"
            )
        count = round(period / timestep)
        if count < 1 or abs(count * timestep - period) > RELATIVE * period:
            raise ConfigError(
                f"task.control_period must be a multiple of simulation.dt ({timestep:g}), "
                f"got {period}"
            )
        return count

    @property
    def begins_differently(self) -> bool:
        """True if episodes of training have different starts."""
        return self.start.scatters or bool(self.practice)

    @property
    def draws(self) -> bool:
        """True if the task itself draws something in each episode."""
        return False

    @property
    def varies(self) -> bool:
        """True if episodes differ."""
        drawn = self.draws or self.begins_differently or bool(self.randomize)
        return drawn or self.push.speed > 0.0

    def check(self, robot: RobotConfig) -> None:
        """Check that the robot has what the task speaks of.

        Raises:
            ConfigError: naming the key, the value and what is allowed.
        """
        check_reference("task.body", self.body, robot.bodies)
        check_sensors(robot, self.sensors, "task.sensors")
        _check_starts(self, robot)
        for name, sensor in self.sensors.items():
            if reads_goal(sensor) and not self.sets_goal:
                raise ConfigError(
                    f"task.sensors.{name}.type must not be {sensor.type}: this task sets no goal"
                )


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
    if task.start.on_ground:
        _check_on_ground(robot)


def _check_on_ground(robot: RobotConfig) -> None:
    # Loads JAX, which all other starts can be checked without.
    from diffsim.robots.ground import bodies_at_ground, is_tied

    if is_tied(robot) or not bodies_at_ground(robot):
        raise ConfigError(
            "task.start.on_ground must be false for a robot that is tied to the world or has no "
            "ground_contact, got true"
        )


def _check_scatter(start: ScatterConfig, key: str, robot: RobotConfig) -> None:
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
