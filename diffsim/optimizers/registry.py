"""The optimiser that a config describes."""

from __future__ import annotations

from diffsim.optimizers.config import EvolutionConfig, GradientConfig, LevenbergMarquardtConfig
from diffsim.optimizers.optimizer import Optimizer, Problem

OptimizerConfig = GradientConfig | LevenbergMarquardtConfig | EvolutionConfig


def make_optimizer(config: OptimizerConfig, problem: Problem, seed: int) -> Optimizer:
    """The optimiser that a config describes, for one problem.

    Each is imported when it is asked for: a run by Adam need not load CMA-ES.
    """
    if isinstance(config, EvolutionConfig):
        from diffsim.optimizers.evolution import Evolution

        return Evolution(config, problem, seed)
    if isinstance(config, LevenbergMarquardtConfig):
        from diffsim.optimizers.levenberg_marquardt import LevenbergMarquardt

        return LevenbergMarquardt(problem, seed)
    from diffsim.optimizers.gradient import GradientDescent

    return GradientDescent(config, problem, seed)
