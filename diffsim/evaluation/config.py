"""What the configuration of ``diffsim-eval`` may say."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING

from diffsim.experiment.config import DeviceConfig
from diffsim.validation import bounded


@dataclass
class EvalConfig:
    """Which run is evaluated, and in which episodes."""

    run: str = MISSING  # its folder
    episodes: int = bounded(100, at_least=1)  # of a task that draws something; else one is enough
    seed: int = bounded(0, at_least=0)  # of what is drawn
    dt: float | None = bounded(None, above=0)  # [s] instead of the run's own time step
    device: DeviceConfig = field(default_factory=DeviceConfig)
