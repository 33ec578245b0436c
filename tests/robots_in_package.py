"""The robots that come with the package, as data."""

from __future__ import annotations

from functools import cache

from diffsim.cli.configuration import compose_bench_config
from diffsim.robots.config import RobotConfig

ARTICULATED = ("quadruped", "quadruped_table1", "arm", "cartpole")


@cache
def robot_config(name: str) -> RobotConfig:
    """A robot by its name, as its file has it. Shared among tests: copy it before a change."""
    return compose_bench_config(f"robot={name}").robot
