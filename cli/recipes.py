"""Recipes: what a robot is usually for, where the command does not choose.

A recipe is a file of the group ``recipe`` that has its robot's name. It chooses task, controller
and variables, and may set any other value. A robot without one needs them from the command: the
error lists what fits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from diffsim.experiment.config import KINDS, RunConfig
from diffsim.experiment.paths import read_numbers
from diffsim.robots.check import check_robot
from diffsim.robots.config import RobotConfig
from diffsim.validation import ConfigError, check

GROUPS = ("task", "controller", "variables")
"""Groups that a recipe chooses."""
NO_RECIPE = "none"
LISTED = 6
"""Most bodies that a message lists."""


class Composition(NamedTuple):
    """The config that Hydra composes, or has composed last."""

    loader: ConfigLoaderImpl
    name: str | None
    overrides: list[str]

    def options(self, group: str) -> list[str]:
        """Names of a group's files, in the package and in the user's folders."""
        return list(
            self.loader.get_group_options(group, config_name=self.name, overrides=self.overrides)
        )

    def groups(self) -> dict[str, list[str]]:
        """The groups of which a command chooses an option, with their options."""
        found = self.loader.get_group_options("", ObjectType.GROUP, self.name, self.overrides)
        options = {group: self.options(group) for group in found if group != "hydra"}
        return {group: names for group, names in options.items() if names}

    def compose(self, *more: str) -> DictConfig:
        """The config of the same command with other choices, but for values of a task."""
        kept = [override for override in self.overrides if not override.startswith("task.")]
        return self.loader.load_configuration(self.name, [*kept, *more], run_mode=RunMode.RUN)

    def explicit(self) -> dict[str, Any]:
        """Choices of groups that the command makes, or its preset."""
        found = self.loader.compute_defaults_list(self.name, self.overrides, RunMode.RUN)
        return dict(found.overrides.override_choices)


_compositions: list[Composition] = []
"""The last composition of this process; empty before the first."""


def begin_composition(loader: ConfigLoaderImpl, name: str | None, overrides: list[str]) -> None:
    """Note which config is composed, and from which files."""
    _compositions[:] = [Composition(loader, name, list(overrides))]


def recipe_of(robot: str) -> str:
    """Name of a robot's recipe: its own name, or ``none`` if there is no such file."""
    return robot if robot in _compositions[-1].options("recipe") else NO_RECIPE


def groups_in_words() -> str:
    """Groups with their options for ``--help``, a line for each.

    Groups within groups are left out: their files are for other files to build on.
    """
    known = _compositions[-1].groups()
    return "\n".join(f"{group}: {', '.join(options)}" for group, options in known.items())


def choices_in_words() -> str:
    """Choices of groups in one line: first what is chosen, then what the recipe adds."""
    choices, explicit = HydraConfig.get().runtime.choices, _compositions[-1].explicit()
    usual = [] if choices["recipe"] == NO_RECIPE else [g for g in GROUPS if g not in explicit]
    named = ("experiment", "robot", *(g for g in GROUPS if g not in usual), "optimizer")
    chosen, added = (
        " ".join(f"{group}={choices[group]}" for group in groups if choices.get(group))
        for groups in (named, usual)
    )
    return f"{chosen}; as usual for this robot: {added}" if added else chosen


def check_chosen(composed: DictConfig) -> None:
    """Check that task and variables are chosen, by the command or by a recipe.

    Raises:
        ConfigError: naming what has to be chosen, and the choices that fit the robot; or what is
            wrong with the robot itself.
    """
    if not _compositions or _compositions[-1].name != "run":
        return  # not composed here: there are no choices of groups
    choices = HydraConfig.get().runtime.choices
    has_recipe = choices.get("recipe", NO_RECIPE) != NO_RECIPE
    no_task = OmegaConf.is_missing(composed, "task")
    no_variables = not has_recipe and not composed.variables
    if not no_task and not no_variables:
        return
    robot: Any = OmegaConf.to_object(composed.robot)
    check(robot, "robot")
    check_robot(robot)
    composition = _compositions[-1]
    found = []
    if no_task:
        found.append(fitting_tasks(robot, composition))
    if no_variables:
        found.append(fitting_variables(robot, composition, choices.get("controller")))
    key = "task" if no_task else "variables"
    why = "whose recipe leaves it open" if has_recipe else "which has no recipe"
    raise ConfigError(
        f"{key} must be chosen for robot={choices['robot']}, {why}: {'; and '.join(found)}"
    )


def fitting_tasks(robot: RobotConfig, composition: Composition) -> str:
    """Tasks that a robot can be given, in words, with the bodies that each can be about."""
    by_hint: dict[str, list[str]] = {}
    for option in composition.options("task"):
        try:
            config = composition.compose(f"task={option}")
        except (ConfigError, HydraException):  # a file of the user's that cannot be run
            continue
        own = None if OmegaConf.is_missing(config.task, "body") else config.task.body
        bodies = [name for name in robot.bodies if _fits(config, name, robot)]
        if bodies:
            names = "|".join(bodies[:LISTED]) + ("|…" if len(bodies) > LISTED else "")
            hint = "" if own in bodies else f" with task.body={names}"
            by_hint.setdefault(hint, []).append(option)
    if not by_hint:
        return "a task of your own, as none of the package's fits"
    return _either([f"task={'|'.join(options)}{hint}" for hint, options in sorted(by_hint.items())])


def _fits(config: DictConfig, body: str, robot: RobotConfig) -> bool:
    """True if a robot can be given a config's task, about this one of its bodies."""
    config.task.body = body
    try:
        task: Any = OmegaConf.to_object(config.task)
        check(task, "task")
        task.check(robot)
    except ConfigError:
        return False
    return True


def fitting_variables(robot: RobotConfig, composition: Composition, controller: str | None) -> str:
    """Variables that a robot has, in words; with controllers, if none is chosen."""
    driven = bool(robot.motors or robot.thrusters)
    fitting = [name for name in composition.options("controller") if _can_use(robot, name)]
    hint = f" with controller={'|'.join(fitting)}" if controller in (None, "none") else ""
    found = []
    for option in composition.options("variables"):
        paths = _paths(composition.compose(f"variables={option}").variables)
        if "controller" in paths and driven:
            found.append(f"variables={option}{hint}")
        elif "controller" not in paths and all(_has(robot, path) for path in paths):
            found.append(f"variables={option}")
    return _either([*found, "numbers of the robot, as '+variables={grip: {path: robot.friction}}'"])


def _can_use(robot: RobotConfig, controller: str) -> bool:
    """True if a controller has something to optimise, and the robot what it needs."""
    table = KINDS["controller"]
    if controller not in table:  # a file of the user's, for one of the kinds
        return True
    config = table[controller].Config
    return config.has_parameters and (bool(robot.cameras) or not config.needs_camera)


def _paths(variables: DictConfig) -> list[str]:
    return [variable.path for variable in variables.values()]


def _has(robot: RobotConfig, path: str) -> bool:
    """True if there is a number at a variable's path."""
    try:
        read_numbers(RunConfig(robot=robot), path)
    except ConfigError:
        return False
    return True


def _either(names: list[str]) -> str:
    """A list in words: ``a, b or c``."""
    return " or ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
