"""Configuration of ``diffsim-eval``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from diffsim.experiment.config import DeviceConfig
from diffsim.validation import Frozen, bounded


@dataclass
class EvalConfig(Frozen):
    """Run to evaluate, and the episodes of the evaluation."""

    run: str = MISSING  # its folder
    episodes: int = bounded(100, at_least=1)  # of a task that draws something; else one is enough
    seed: int = bounded(0, at_least=0)  # of what is drawn
    output: str | None = None  # a folder; null: evaluations/<time>/ in the run's folder
    dt: float | None = bounded(None, above=0)  # [s] instead of the run's own time step
    # Anything else of the run's config that is to be different, as {task: {duration: 60}}.
    change: dict[str, Any] = field(default_factory=dict)
    render: bool = False  # whether to write what a camera sees of one episode
    camera: str | None = None  # which one; null: the controller's own, or else one that is put up
    frame_rate: float = bounded(25.0, above=0, at_most=100)  # of the animation [1/s]
    device: DeviceConfig = field(default_factory=DeviceConfig)
    plugins: list[str] = field(default_factory=list)  # those of the run: runs their code
