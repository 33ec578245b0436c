"""Configuration of an experiment, group by group."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from diffsim.controllers.config import ControllerConfig
from diffsim.controllers.table import CONTROLLERS
from diffsim.optimizers.config import OptimizerConfig
from diffsim.optimizers.table import OPTIMIZERS
from diffsim.robots.config import RobotConfig, SensorConfig
from diffsim.tables import KindTable
from diffsim.tasks.config import TaskConfig
from diffsim.tasks.table import TASKS
from diffsim.validation import Frozen, bounded

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
class SolverConfig(Frozen):
    """Solver of joints, motors, limits and contacts.

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
class SimulationConfig(Frozen):
    """Time step, gravity, and what the gradient through all time steps keeps in memory."""

    dt: float = bounded(0.01, above=0)  # [s]
    gravity: list[float] = bounded([0.0, 0.0, -9.81], length=3)  # [m/s²]
    # none: all that is computed; steps: the state of each step; nested: about 2 √steps states.
    checkpoint: str = bounded("steps", choices=("none", "steps", "nested"))


@dataclass
class DeviceConfig(Frozen):
    """Device to compute on. ``auto`` takes a GPU if JAX finds one, else the CPU."""

    platform: str = bounded("auto", choices=("auto", "cpu", "gpu"))
    # Where compiled programs are kept: a folder, off, or auto for ~/.cache/diffsim/compiled.
    compilation_cache: str = "auto"


@dataclass
class RobotJobConfig(Frozen):
    """Settings of every command that simulates one robot."""

    robot: RobotConfig = field(default_factory=RobotConfig)
    solver: SolverConfig = field(default_factory=SolverConfig)
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    device: DeviceConfig = field(default_factory=DeviceConfig)
    seed: int = bounded(0, at_least=0)
    plugins: list[str] = field(default_factory=list)  # modules with kinds of yours: runs their code


@dataclass
class VariableConfig(Frozen):
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
class CheckpointConfig(Frozen):
    """Times of checkpoints. The last one is always written at the end."""

    every: int = bounded(10, at_least=1)  # iterations
    keep: int = bounded(5, at_least=1)  # the newest ones; older ones are deleted


@dataclass
class ValidationConfig(Frozen):
    """Validation in episodes that are not trained on, always the same ones."""

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


def controller_sensors(config: RunConfig) -> dict[str, SensorConfig]:
    """Sensors that the controller reads: the task's, or else the robot's."""
    sensors: dict[str, SensorConfig] = config.task.sensors or config.robot.sensors
    return sensors
