"""Springs and dampers, integrated implicitly, as constraints that give way."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp


def soft_constraint(
    frequency: jax.Array, damping_ratio: jax.Array, timestep: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Error reduction (erp) and constraint force mixing (cfm, per unit of inverse mass).

    An implicitly integrated spring and damper of natural frequency f and damping ratio ζ. With
    s = 1/(2π f h): erp = 1/(1 + 2ζs), cfm = s²/(1 + 2ζs). f = inf gives 1 and 0: hard.
    Source: Catto, "Soft Constraints", GDC 2011 (his β = erp, γ = cfm / m_eff).
    """
    rigid = jnp.isinf(frequency)
    finite = jnp.where(rigid, 1.0, frequency)  # so that no derivative is inf · 0
    s = jnp.where(rigid, 0.0, 1.0 / (2.0 * math.pi * finite * timestep))
    erp = 1.0 / (1.0 + 2.0 * damping_ratio * s)
    return erp, s**2 * erp
