"""What an experiment's configuration may say: the whole of it, group by group."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from diffsim.configuration import ConfigError, bounded, check
from diffsim.controllers.config import LinearConfig, NoControllerConfig
from diffsim.optimizers.config import EvolutionConfig, GradientConfig, LevenbergMarquardtConfig
from diffsim.robots.config import RobotConfig, check_robot
from diffsim.tasks.config import ThrowConfig, check_task

SCHEMAS: dict[str, dict[str, type]] = {
    "controller": {"none": NoControllerConfig, "linear": LinearConfig},
    "optimizer": {
        "gradient": GradientConfig,
        "lm": LevenbergMarquardtConfig,
        "cmaes": EvolutionConfig,
    },
    "task": {"throw": ThrowConfig},
}
"""Groups whose choices differ in kind, and the schema of each kind."""


@dataclass
class SolverConfig:
    """How contacts are solved. ``pgs``: projected Gauss-Seidel over all rows."""

    kind: str = bounded("pgs", choices=("pgs",))
    iterations: int = bounded(10, at_least=1)  # sweeps in each time step
    friction: str = bounded("cone", choices=("cone", "box"))  # box: the paper's
    warm_start: bool = True


@dataclass
class SimulationConfig:
    """Time step and gravity."""

    dt: float = bounded(0.01, above=0)  # [s]
    gravity: list[float] = bounded([0.0, 0.0, -9.81], length=3)  # [m/s²]


@dataclass
class DeviceConfig:
    """Where to compute. ``auto`` takes a GPU if JAX finds one, else the CPU."""

    platform: str = bounded("auto", choices=("auto", "cpu", "gpu"))


@dataclass
class VariableConfig:
    """Something that is optimised: the controller's parameters, or numbers of the config.

    ``path`` is "controller", or the key of a number or a list of numbers under ``robot`` or
    ``simulation``, just as it would be overridden on the command line: an initial state
    (robot.bodies.ball.velocity) as well as a model parameter (robot.friction).
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
class RunConfig:
    """One experiment."""

    name: str = MISSING
    robot: RobotConfig = field(default_factory=RobotConfig)
    task: Any = MISSING
    controller: Any = MISSING
    variables: dict[str, VariableConfig] = field(default_factory=dict)
    optimizer: Any = MISSING
    solver: SolverConfig = field(default_factory=SolverConfig)
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    device: DeviceConfig = field(default_factory=DeviceConfig)
    checkpoints: CheckpointConfig = field(default_factory=CheckpointConfig)
    precision: str = bounded("float32", choices=("float32", "float64"))
    seed: int = bounded(0, at_least=0)
    stop_on_success: bool = True
    output_root: str = "outputs"


def check_run(config: RunConfig) -> None:
    """Check a whole experiment before anything is loaded or written.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    for group, kinds in SCHEMAS.items():
        value = getattr(config, group)
        if type(value) not in kinds.values():
            schemas = ", ".join(f"schema/{kind}@_here_" for kind in kinds)
            raise ConfigError(
                f"{group} must be based on one of its schemas (in its YAML: defaults: "
                f"[<one of {schemas}>, _self_]), got {value}"
            )
    check_name(config.name)
    check(config)
    check_robot(config.robot)
    check_task(config.task, config.robot)
    if config.simulation.dt > config.task.duration:
        raise ConfigError(
            f"simulation.dt must be at most task.duration ({config.task.duration}), "
            f"got {config.simulation.dt}"
        )
    check_variables(config)


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
        key = f"variables.{name}"
        if variable.path in paths:
            raise ConfigError(f"{key}.path must not repeat another's, got '{variable.path}'")
        paths.append(variable.path)
        lower = -float("inf") if variable.lower is None else variable.lower
        upper = float("inf") if variable.upper is None else variable.upper
        if not lower < upper:
            raise ConfigError(f"{key}.lower must be below upper ({upper}), got {lower}")
        if variable.path == "controller":
            _check_controller_variable(config, key)
            continue
        value = read_path(config, variable.path, f"{key}.path")
        numbers = value if isinstance(value, list) else [value]
        if len(variable.scale) not in (1, len(numbers)):
            raise ConfigError(
                f"{key}.scale must have 1 number or {len(numbers)}, got {variable.scale}"
            )
        for number in numbers:
            if not lower <= number <= upper:
                raise ConfigError(
                    f"{variable.path} must start within the bounds of {key} "
                    f"({lower} to {upper}), got {value}"
                )


def _check_controller_variable(config: RunConfig, key: str) -> None:
    """There must be a controller, and something for it to command."""
    if isinstance(config.controller, NoControllerConfig):
        raise ConfigError(f"{key}.path is 'controller', but controller=none has no parameters")
    if not config.robot.thrusters:
        raise ConfigError(
            f"{key}.path is 'controller', but robot '{config.robot.name}' has no thrusters "
            "to command"
        )
    if len(config.variables[key.split(".")[1]].scale) != 1:
        raise ConfigError(f"{key}.scale must be 1 number for the controller's parameters")


def read_path(config: RunConfig, path: str, key: str = "path") -> Any:
    """The number or list of numbers at a path such as "robot.bodies.ball.velocity".

    Raises:
        ConfigError: if there is none.
    """
    parts = path.split(".")
    if parts[0] not in ("robot", "simulation"):
        raise ConfigError(
            f"{key} must be 'controller' or begin with 'robot.' or 'simulation.', got '{path}'"
        )
    value: Any = config
    for depth, part in enumerate(parts):
        names = list(value) if isinstance(value, dict) else list(getattr(value, "__dict__", {}))
        if part not in names:
            where = ".".join(parts[:depth])
            raise ConfigError(f"{key} '{path}': {where} has no '{part}', only {', '.join(names)}")
        value = value[part] if isinstance(value, dict) else getattr(value, part)
    numbers = value if isinstance(value, list) else [value]
    if not numbers or any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
        raise ConfigError(f"{key} must lead to a number or a list of numbers, '{path}' is {value}")
    return value
