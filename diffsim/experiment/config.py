"""What an experiment's configuration may say: the whole of it, group by group."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from diffsim.controllers.config import ControllerConfig
from diffsim.controllers.table import CONTROLLERS
from diffsim.optimizers.config import OptimizerConfig
from diffsim.optimizers.table import OPTIMIZERS
from diffsim.robots.check import check_robot
from diffsim.robots.config import RobotConfig, SensorConfig
from diffsim.tables import KindTable
from diffsim.tasks.config import TaskConfig
from diffsim.tasks.table import TASKS
from diffsim.validation import ConfigError, bounded, check, check_identifier

KINDS: dict[str, KindTable[Any]] = {
    "controller": CONTROLLERS,
    "optimizer": OPTIMIZERS,
    "task": TASKS,
}
"""Groups whose choices differ in kind, and the table of the kinds; each has a ``Config``."""

BASES: dict[str, Any] = {
    "controller": ControllerConfig,
    "optimizer": OptimizerConfig,
    "task": TaskConfig,
}
"""Base class of the configs of each group's kinds."""


@dataclass
class SolverConfig:
    """How joints, motors, limits and contacts are solved.

    ``elimination``: hard joints exactly, by the choice of coordinates; projected Gauss-Seidel over
    what is bounded. ``pgs``: projected Gauss-Seidel over everything, joints included.
    """

    kind: str = bounded("elimination", choices=("elimination", "pgs"))
    merge_fixed: bool = True  # bodies on hard fixed joints become one
    iterations: int = bounded(10, at_least=1)  # sweeps in each time step
    rounds: int = bounded(3, at_least=1)  # in each sweep, over what acts on the same limb
    momentum: float = bounded(0.5, at_least=0, below=1)  # how far each sweep begins ahead
    drift_iterations: int = bounded(3, at_least=0)  # more of them for the positions
    friction: str = bounded("cone", choices=("cone", "box"))  # box: the paper's
    warm_start: bool = True
    erp: float = bounded(0.2, at_least=0, at_most=1)  # error reduction of hard rows in one step
    gradient: str = bounded("sweeps", choices=("sweeps", "implicit"))


@dataclass
class SimulationConfig:
    """Time step, gravity, and what the gradient through all time steps keeps in memory."""

    dt: float = bounded(0.01, above=0)  # [s]
    gravity: list[float] = bounded([0.0, 0.0, -9.81], length=3)  # [m/s²]
    # none: all that is computed; steps: the state of each step; nested: about 2 √steps states.
    checkpoint: str = bounded("steps", choices=("none", "steps", "nested"))


@dataclass
class DeviceConfig:
    """Where to compute. ``auto`` takes a GPU if JAX finds one, else the CPU."""

    platform: str = bounded("auto", choices=("auto", "cpu", "gpu"))
    # Where compiled programs are kept: a folder, off, or auto for ~/.cache/diffsim/compiled.
    compilation_cache: str = "auto"


@dataclass
class RobotJobConfig:
    """What every command that simulates one robot is told."""

    robot: RobotConfig = field(default_factory=RobotConfig)
    solver: SolverConfig = field(default_factory=SolverConfig)
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    device: DeviceConfig = field(default_factory=DeviceConfig)
    seed: int = bounded(0, at_least=0)
    plugins: list[str] = field(default_factory=list)  # modules with kinds of yours: runs their code


def check_robot_job(config: RobotJobConfig) -> None:
    """Check all values, and that the robot can be simulated with this time step.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    check(config)
    check_robot(config.robot)
    check_gains(config.robot, config.simulation)


@dataclass
class VariableConfig:
    """Something that is optimised: the controller's parameters, or numbers of the config.

    ``path`` is "controller", or the key of a number or a list of numbers under ``robot`` or
    ``simulation``, just as it would be overridden on the command line: an initial state
    (robot.bodies.ball.velocity) as well as a model parameter (robot.friction). A number of a list
    is chosen by its index (robot.bodies.ball.velocity.0). Bounds narrow the field's own range.
    """

    path: str = MISSING
    # The optimiser works on value / scale: one number for all, or one for each.
    scale: list[float] = bounded([1.0], above=0)
    lower: float | None = None  # bounds of the value; null for none
    upper: float | None = None


@dataclass
class CheckpointConfig:
    """When checkpoints are written. The last one is always written at the end."""

    every: int = bounded(10, at_least=1)  # iterations
    keep: int = bounded(5, at_least=1)  # the newest ones; older ones are deleted


@dataclass
class ValidationConfig:
    """How well the controller does in episodes that it is not trained on, always the same ones."""

    every: int = bounded(0, at_least=0)  # iterations; 0: never
    episodes: int = bounded(128, at_least=1)


@dataclass
class RunConfig(RobotJobConfig):
    """One experiment."""

    name: str = MISSING
    # A sentence that is printed at the start; runs that differ in it alone are the same run.
    note: str = field(default="", compare=False)
    task: Any = MISSING
    controller: Any = MISSING
    variables: dict[str, VariableConfig] = field(default_factory=dict)
    optimizer: Any = MISSING
    batch: int = bounded(1, at_least=1)  # episodes side by side, of a task that draws something
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    checkpoints: CheckpointConfig = field(default_factory=CheckpointConfig)
    precision: str = bounded("float32", choices=("float32", "float64"))
    stop_on_success: bool = True
    loggers: list[str] = bounded([], choices=("tensorboard",))  # besides metrics.csv
    resume: str | None = None  # the folder of a run to go on with; all else is as it was there
    skip_damaged: bool = False  # with resume: go on from the newest checkpoint that is whole
    output_root: str = "outputs"


def check_run(config: RunConfig) -> None:
    """Check a whole experiment before anything is loaded or written.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    for group, base in BASES.items():
        value = getattr(config, group)
        if not isinstance(value, base):
            schemas = ", ".join(f"schema/{kind}@_here_" for kind in KINDS[group])
            raise ConfigError(
                f"{group} must be based on one of its schemas (in its YAML: defaults: "
                f"[<one of {schemas}>, _self_]), got {value}"
            )
        if KINDS[group].kind(value.kind, f"{group}.kind").Config is not type(value):
            raise ConfigError(
                f"{group}.kind must be the name of the kind that {type(value).__name__} is of, "
                f"got '{value.kind}', which is another one's"
            )
    check_name(config.name)
    check(config)
    if config.skip_damaged and config.resume is None:
        raise ConfigError("skip_damaged must be false without resume=<folder>, got true")
    check_robot(config.robot)
    config.task.check(config.robot)
    if config.simulation.dt > config.task.duration:
        raise ConfigError(
            f"simulation.dt must be at most task.duration ({config.task.duration}), "
            f"got {config.simulation.dt}"
        )
    check_gains(config.robot, config.simulation)
    check_variables(config)
    config.optimizer.check(config.task)
    _check_randomness(config)
    config.controller.check(config.robot)


def controller_sensors(config: RunConfig) -> dict[str, SensorConfig]:
    """What the controller reads: the task's sensors, or else the robot's."""
    sensors: dict[str, SensorConfig] = config.task.sensors or config.robot.sensors
    return sensors


def _check_randomness(config: RunConfig) -> None:
    """Several episodes make sense where they differ."""
    if config.task.varies:
        return
    for key, value, least in (
        ("batch", config.batch, 1),
        ("validation.every", config.validation.every, 0),
    ):
        if value != least:
            raise ConfigError(
                f"{key} must be {least}: all episodes of this task are alike, got {value}"
            )


def check_gains(robot: RobotConfig, simulation: SimulationConfig) -> None:
    """Check that no servo is asked to go further in one step than to its target.

    Raises:
        ConfigError: naming the motor and the largest gain that the time step allows.
    """
    for name, motor in robot.motors.items():
        if motor.type == "position" and motor.gain * simulation.dt > 1.0 + 1e-9:
            raise ConfigError(
                f"robot.motors.{name}.gain must be at most 1 / simulation.dt "
                f"({1.0 / simulation.dt:g}), got {motor.gain}"
            )


def check_name(name: str) -> str:
    """The name, if it can be part of a folder's name.

    Raises:
        ConfigError: if it has other characters; a path, above all.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
        raise ConfigError(
            "name must be 1 to 64 letters, digits, '_', '-' or '.', beginning with a letter or "
            f"digit, got '{name}'"
        )
    return name


def check_variables(config: RunConfig) -> None:
    """Check that every variable exists, is a number and starts within its bounds.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    if not config.variables:
        raise ConfigError("variables must name at least one thing to optimise, got none")
    paths: list[str] = []
    for name, variable in config.variables.items():
        check_identifier(name, "variables")
        key = f"variables.{name}"
        for other in paths:
            if f"{variable.path}.".startswith(f"{other}.") or f"{other}.".startswith(
                f"{variable.path}."
            ):
                raise ConfigError(
                    f"{key}.path must not overlap with another's ('{other}'), got '{variable.path}'"
                )
        paths.append(variable.path)
        if variable.path == "controller":
            _check_controller_variable(config, key)
            variable_bounds(config, variable)
        else:
            numbers = read_numbers(config, variable.path, f"{key}.path")
            if len(variable.scale) not in (1, len(numbers)):
                raise ConfigError(
                    f"{key}.scale must have 1 number or {len(numbers)}, got {variable.scale}"
                )
            lower, upper = variable_bounds(config, variable)
            for number in numbers:
                if not lower <= number <= upper or math.isinf(number):
                    raise ConfigError(
                        f"{variable.path} must start within the bounds of {key} "
                        f"({lower} to {upper}), got {number}"
                    )


def variable_bounds(config: RunConfig, variable: VariableConfig) -> tuple[float, float]:
    """Bounds of a variable's value: its own, within what its field allows at all.

    Raises:
        ConfigError: if they leave nothing between them.
    """
    rule: Mapping[str, Any] = {}
    if variable.path != "controller":
        rule = _follow(config, variable.path, "path")[1]
    # A field that must be above zero keeps a distance from it that is nothing beside its scale.
    margin = 1e-6 * min(variable.scale)
    lowest = [
        -math.inf,
        variable.lower,
        rule.get("at_least"),
        None if rule.get("above") is None else rule["above"] + margin,
    ]
    highest = [
        math.inf,
        variable.upper,
        rule.get("at_most"),
        None if rule.get("below") is None else rule["below"] - margin,
    ]
    lower = max(bound for bound in lowest if bound is not None)
    upper = min(bound for bound in highest if bound is not None)
    if not lower < upper:
        raise ConfigError(
            f"the bounds of {variable.path} (variables.*.lower, .upper, within its own range) "
            f"must leave room, got {lower} to {upper}"
        )
    return lower, upper


def _check_controller_variable(config: RunConfig, key: str) -> None:
    """There must be a controller, and something for it to command."""
    if not config.controller.has_parameters:
        kind = config.controller.kind
        raise ConfigError(f"{key}.path is 'controller', but controller={kind} has no parameters")
    if not config.robot.thrusters and not config.robot.motors:
        raise ConfigError(
            f"{key}.path is 'controller', but robot '{config.robot.name}' has no motors or "
            "thrusters to command"
        )
    if len(config.variables[key.split(".")[1]].scale) != 1:
        raise ConfigError(f"{key}.scale must be 1 number for the controller's parameters")


def read_numbers(config: RunConfig, path: str, key: str = "path") -> list[float]:
    """The number or numbers at a path, "robot.bodies.ball.velocity" or "….velocity.0".

    Raises:
        ConfigError: if there is none.
    """
    value = _follow(config, path, key)[0]
    numbers = value if isinstance(value, list) else [value]
    if not numbers or any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
        raise ConfigError(f"{key} must lead to a number or a list of numbers, '{path}' is {value}")
    return numbers


def is_list(config: RunConfig, path: str) -> bool:
    """True if a path leads to a list of numbers and not to a single one."""
    return isinstance(_follow(config, path, "path")[0], list)


def _follow(config: RunConfig, path: str, key: str) -> tuple[Any, Mapping[str, Any]]:
    """The value at a path, and the rule of the field that holds it."""
    parts = path.split(".")
    if parts[0] not in ("robot", "simulation"):
        raise ConfigError(
            f"{key} must be 'controller' or begin with 'robot.' or 'simulation.', got '{path}'"
        )
    value: Any = config
    rule: Mapping[str, Any] = {}
    for depth, part in enumerate(parts):
        if isinstance(value, dict):
            children: dict[str, Any] = value
        elif isinstance(value, list):
            children = {str(index): item for index, item in enumerate(value)}
        elif dataclasses.is_dataclass(value):
            children = vars(value)
            rule = {f.name: f.metadata for f in dataclasses.fields(value)}.get(part, {})
        else:
            children = {}
        if part not in children:
            where = ".".join(parts[:depth])
            raise ConfigError(
                f"{key} '{path}': {where} has no '{part}', only {', '.join(children) or 'a value'}"
            )
        value = children[part]
    return value, rule
