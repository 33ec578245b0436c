"""The robots that come with the package, as data."""

from __future__ import annotations

from functools import cache

from diffsim.cli.configuration import compose_config
from diffsim.robots.config import RobotConfig

ARTICULATED = ("quadruped", "quadruped_table1", "arm", "cartpole")


@cache
def robot_config(name: str) -> RobotConfig:
    """A robot by its name. Shared among tests: copy it before changing anything."""
    return compose_config(f"robot={name}").robot
