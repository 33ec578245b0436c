"""World and solver that a config describes."""

from __future__ import annotations

from diffsim.experiment.config import SimulationConfig, SolverConfig
from diffsim.robots.build import build_world
from diffsim.robots.config import RobotConfig
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.world.world import World


def make_solver(config: SolverConfig) -> ProjectedGaussSeidel:
    """The solver that a config describes."""
    return ProjectedGaussSeidel(
        iterations=config.iterations,
        rounds=config.rounds,
        momentum=config.momentum,
        drift_iterations=config.drift_iterations,
        friction=config.friction,
        warm_start=config.warm_start,
        erp=config.erp,
        gradient=config.gradient,
    )


def make_world(robot: RobotConfig, simulation: SimulationConfig, solver: SolverConfig) -> World:
    """The world of a robot, built as its solver wants it; traceable."""
    return build_world(
        robot,
        simulation.gravity,
        simulation.dt,
        eliminate_joints=solver.kind == "elimination",
        merge_fixed=solver.merge_fixed,
    )
