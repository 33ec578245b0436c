"""Configuration of ``diffsim-bench``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from diffsim.experiment.check import check_robot_job
from diffsim.experiment.config import RobotJobConfig, SolverConfig
from diffsim.validation import ConfigError, Frozen, bounded

CONTROLLERS = ("linear", "dense")
SOLVERS = ("default", "paper")


class Cell(NamedTuple):
    """One cell of the table.

    Attributes:
        solver: "default" for the configured one, "paper" for the paper's literal set-up.
        robots: that are simulated at once.
        controller: "linear" or "dense".
        gradient: whether the gradient is computed, too.
    """

    solver: str
    robots: int
    controller: str
    gradient: bool

    def __str__(self) -> str:
        what = "gradient" if self.gradient else "forward"
        return f"{self.robots} x {self.controller}, {what}, {self.solver} solver"


@dataclass
class BenchSettings(Frozen):
    """Cells to measure: all combinations, each in a process of its own."""

    robots: list[int] = bounded([1, 128], at_least=1)  # at once
    controllers: list[str] = bounded(list(CONTROLLERS), choices=CONTROLLERS)
    gradients: list[bool] = field(default_factory=lambda: [False, True])
    solvers: list[str] = bounded(["default"], choices=SOLVERS)
    hidden: list[int] = bounded([1024, 1024], at_least=1)  # widths of the dense net's layers
    steps: int = bounded(1000, at_least=1)  # time steps
    repeats: int = bounded(5, at_least=1)  # timed runs after one that is not
    shards: int | None = bounded(None, at_least=1)  # devices that share the robots; null for all
    limit: float = bounded(1200.0, above=0)  # [s] for a cell, compilation included


@dataclass
class BenchConfig(RobotJobConfig):
    """One table, for one robot."""

    paper_solver: SolverConfig = field(default_factory=SolverConfig)
    bench: BenchSettings = field(default_factory=BenchSettings)
    precision: str = bounded("float32", choices=("float32", "float64"))
    output_root: str = "outputs"


def check_bench(config: BenchConfig) -> None:
    """Check the configuration itself before anything is loaded.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    check_robot_job(config)
    if not config.robot.sensors:
        raise ConfigError("robot.sensors must not be empty: a controller in the loop reads them")
    if not config.robot.motors and not config.robot.thrusters:
        raise ConfigError("robot.motors must not be empty: a controller in the loop drives them")
    settings = config.bench
    for name in ("robots", "controllers", "gradients", "solvers"):
        if not getattr(settings, name):
            raise ConfigError(f"bench.{name} must not be empty, got []")
    for robots in settings.robots:
        if settings.shards is not None and robots > 1 and robots % settings.shards:
            raise ConfigError(
                f"bench.robots must be multiples of bench.shards ({settings.shards}), got {robots}"
            )


def cells(settings: BenchSettings) -> list[Cell]:
    """All cells, in the order of the table; a gradient follows its forward pass."""
    return [
        Cell(solver, robots, controller, gradient)
        for solver in settings.solvers
        for robots in settings.robots
        for controller in settings.controllers
        for gradient in settings.gradients
    ]
