"""Configuration of ``diffsim-check``."""

from __future__ import annotations

from dataclasses import dataclass, field

from diffsim.experiment.check import check_robot_job
from diffsim.experiment.config import RobotJobConfig
from diffsim.validation import ConfigError, Frozen, bounded


@dataclass
class ToleranceConfig(Frozen):
    """Tolerances of a check; if one of them is missed, the command's exit code is 1."""

    drift: float = bounded(1e-3, above=0)  # [m] of hard joints
    drift_angle: float = bounded(1e-3, above=0)  # [rad] of hard joints
    # Rise above the least energy before, as a share of the scale that the table states. It is of
    # second order in dt: at 0.01 s 0.2 % for the quadrupeds, 0.3 % for a linkage with a loop.
    energy: float = bounded(0.01, above=0)
    momentum: float = bounded(1e-8, above=0)  # share of Σ m|v|
    angular_momentum: float = bounded(1e-6, above=0)  # share of Σ |r × mv| + |Iω|
    gradient_error: float = bounded(1e-4, above=0)  # ‖gradient − differences‖ / ‖differences‖
    gradient_cosine: float = bounded(0.999, above=0, below=1)  # of the angle between both


@dataclass
class CheckSettings(Frozen):
    """Trials of a check. Motors and thrusters follow sines, with their phases spread."""

    motion: bool = True  # drift, energy and momentum
    gradients: bool = True  # against central differences
    duration: float = bounded(10.0, above=0)  # [s] of each motion
    drive_frequency: float = bounded(1.0, above=0)  # [Hz] of the sines
    # Amplitudes: this share of what a motor or thruster can do, or of the range of its commands,
    # and no more than would turn a joint so far, or slide it.
    drive_share: float = bounded(0.3, above=0, at_most=1)
    drive_angle: float = bounded(0.4, above=0)  # [rad]
    drive_distance: float = bounded(0.1, above=0)  # [m]
    # The passive motion and the gradients begin near the robot's own start, but not exactly there:
    # a robot that hangs still or just touches would have little to show, or a kink.
    nudge: float = bounded(0.05, at_least=0)  # of coordinates [m, rad], standard deviation
    nudge_velocity: float = bounded(1.0, at_least=0)  # [m/s, rad/s]
    gradient_steps: int = bounded(20, at_least=1)  # time steps between what is varied and the loss
    components: int = bounded(8, at_least=1)  # of each kind that are compared
    difference: float = bounded(1e-6, above=0, at_most=1e-2)  # in units of each number's scale
    tolerances: ToleranceConfig = field(default_factory=ToleranceConfig)


@dataclass
class CheckConfig(RobotJobConfig):
    """One check of one robot, always in float64."""

    check: CheckSettings = field(default_factory=CheckSettings)


def check_config(config: CheckConfig) -> None:
    """Check the configuration itself before anything is loaded.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    check_robot_job(config)
    if config.simulation.dt > config.check.duration:
        raise ConfigError(
            f"simulation.dt must be at most check.duration ({config.check.duration}), "
            f"got {config.simulation.dt}"
        )
