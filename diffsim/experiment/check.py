"""Checks of a whole experiment, before anything is loaded or written."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from diffsim.experiment.config import (
    BASES,
    KINDS,
    RobotJobConfig,
    RunConfig,
    SimulationConfig,
    VariableConfig,
)
from diffsim.experiment.paths import follow, overlap, read_numbers
from diffsim.experiment.randomization import check_randomize
from diffsim.robots.check import check_robot
from diffsim.robots.config import RobotConfig
from diffsim.validation import ConfigError, check, check_identifier


def check_robot_job(config: RobotJobConfig) -> None:
    """Check all values, and that the robot can be simulated with this time step.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    check(config)
    check_robot(config.robot)
    check_gains(config.robot, config.simulation)


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
    _check_together(config)
    check_variables(config)
    check_randomize(config, _check_episode)
    config.optimizer.check(config.task)
    _check_randomness(config)
    config.controller.check(config.robot)
    _check_truncation(config)
    if config.controller.sees is not None and config.task.control_period is not None:
        raise ConfigError(
            "task.control_period must be null for a controller that sees: controller.every says "
            f"how many time steps there are between images, got {config.task.control_period}"
        )


def _check_truncation(config: RunConfig) -> None:
    """Check that the gradient does not end while a command is held."""
    truncation = getattr(config.optimizer, "truncation", None)
    sees = config.controller.sees is not None
    held = config.controller.every if sees else config.task.control_steps(config.simulation.dt)
    if truncation is not None and truncation % held:
        raise ConfigError(
            f"optimizer.truncation must be a multiple of the {held} time steps for which a command "
            f"is held, got {truncation}"
        )


def check_episodes(config: RunConfig) -> None:
    """Check what the episodes are made of: robot, task, time step, draws.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    _check_episode(config)
    check_randomize(config, _check_episode)


def _check_episode(config: RunConfig) -> None:
    check(config)
    _check_together(config)


def _check_together(config: RunConfig) -> None:
    """Check robot, task and time step where all values are known to be allowed by themselves."""
    check_robot(config.robot)
    config.task.check(config.robot)
    if config.simulation.dt > config.task.duration:
        raise ConfigError(
            f"simulation.dt must be at most task.duration ({config.task.duration}), "
            f"got {config.simulation.dt}"
        )
    config.task.control_steps(config.simulation.dt)
    check_gains(config.robot, config.simulation)


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
            if overlap(variable.path, other):
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
        rule = follow(config, variable.path, "path")[1]
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
