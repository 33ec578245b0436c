"""Robots shared among devices: each computes its part of a sum over all of them.

Nothing in a simulation connects one robot with another, so a batch is cut along its last axis, the
robots, and only sums over robots (a loss and its gradient) are added up in the end. On a CPU the
devices are virtual ones (``jax.config.update("jax_num_cpu_devices", n)``), which compute in n
threads: far better than sharing each small kernel's work among threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

AXIS = "robots"


def shard_count(robots: int, devices: int) -> int:
    """Largest number of devices, of those there are, among which robots are shared evenly."""
    return max(count for count in range(1, devices + 1) if robots % count == 0)


def copied_to(devices: Sequence[jax.Device]) -> NamedSharding:
    """Sharding of the sums that ``share_robots`` gives: a copy on every device."""
    return NamedSharding(_mesh(devices), PartitionSpec())


def _mesh(devices: Sequence[jax.Device]) -> Mesh:
    return Mesh(np.array(devices), (AXIS,), axis_types=(AxisType.Auto,))


def share_robots(
    function: Callable[[Any, Any], Any], robots: Any, devices: Sequence[jax.Device]
) -> Callable[[Any, Any], Any]:
    """Share sums over all robots among devices, each of which computes its part of them.

    Args:
        function: of parameters that all robots have in common, and of what each has of its own;
            returns a pytree of sums over the robots. It may be ``jax.value_and_grad`` of one.
        robots: what each robot has of its own: a pytree of arrays, or of their shapes, whose last
            axis counts the robots.
        devices: among which the robots are shared; their number divides that of the robots.
    """
    if len(devices) == 1:
        return function
    mesh = _mesh(devices)
    along = jax.tree.map(lambda leaf: PartitionSpec(*(None,) * (leaf.ndim - 1), AXIS), robots)

    def part(parameters: Any, robots: Any) -> Any:
        return jax.lax.psum(function(parameters, robots), AXIS)

    return jax.shard_map(
        part,
        mesh=mesh,
        in_specs=(PartitionSpec(), along),
        out_specs=PartitionSpec(),
        check_vma=False,
    )
