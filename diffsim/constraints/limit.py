"""Limits of one coordinate of a joint.

Over one step of length h the rate q̇ of a coordinate q stays within what keeps q in its range, and
the limit's impulse λ is the least that brings that about:

    (lower − q) / h ≤ q̇⁺ ≤ (upper − q) / h

A coordinate beyond its limit is moved back by the share ``erp`` of its depth in each step, in the
drift alone, which gives it no velocity.

A limit has no rows of its own: it acts on the same coordinate as the motor that may be there, and
both are solved in one update of one row, motor first, which is exact
(``diffsim.constraints.drive``). Two rows of the same direction would need sweeps to agree.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.world.motors import Drives


class LimitTargets(NamedTuple):
    """Demands of the limits on the solver, shapes (drives,).

    Attributes:
        least_velocity, greatest_velocity: that keep the coordinate in its range [rad/s] or [m/s].
        recovery: motion that brings it back from beyond one [rad/s] or [m/s].
    """

    least_velocity: jax.Array
    greatest_velocity: jax.Array
    recovery: jax.Array

    def for_drift(self) -> LimitTargets:
        """Demands on the drift, which also moves the coordinate back."""
        return self._replace(
            least_velocity=self.least_velocity + self.recovery,
            greatest_velocity=self.greatest_velocity + self.recovery,
        )


def limit_targets(
    drives: Drives, position: jax.Array, erp: float, timestep: jax.Array
) -> LimitTargets:
    """The law of the module's docstring; the arguments are those of ``drive_targets``."""

    def closing(gap: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The velocity that closes a gap within the step, and its depth when it is negative [m]."""
        finite = jnp.where(jnp.isinf(gap), 0.0, gap)  # so that no derivative is inf · 0
        velocity = jnp.where(jnp.isinf(gap), jnp.inf, jnp.maximum(finite, 0.0) / timestep)
        return velocity, jnp.maximum(-finite, 0.0)

    to_lower, below = closing(position - drives.lower)
    to_upper, above = closing(drives.upper - position)
    return LimitTargets(
        least_velocity=-to_lower,
        greatest_velocity=to_upper,
        recovery=erp * (below - above) / timestep,
    )


def limit_impulse(target: LimitTargets, unlimited: jax.Array, mass: jax.Array) -> jax.Array:
    """The least impulse that keeps a rate within its limits [N·m·s] or [N·s].

    Args:
        target: of the limits.
        unlimited: rate without the limit's impulse [rad/s] or [m/s].
        mass: impulse for a unit of rate.
    """
    allowed = jnp.clip(unlimited, target.least_velocity, target.greatest_velocity)
    return (allowed - unlimited) * mass
