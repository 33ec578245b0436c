"""Two spheres: they touch on the line between their centres."""

from __future__ import annotations

import jax.numpy as jnp

from diffsim.collisions.collision import GeomMotion, Touch, length_and_direction


class SphereSphere:
    """The surfaces meet when |p + τ Δp| = r_a + r_b, with p between the centres.

    Spheres whose centres coincide have no normal; they get (0, 0, 1), with zero gradient.
    """

    points = 1

    def detect(self, a: GeomMotion, b: GeomMotion) -> tuple[Touch, ...]:
        first, second = a.center(), b.center()
        between = first.position - second.position
        curve = first.curve - second.curve
        travel = (first.velocity - second.velocity + curve) * a.timestep
        radius_a, radius_b = a.size["radius"], b.size["radius"]
        reach = radius_a + radius_b
        distance, _ = length_and_direction(between)
        separation = distance - reach

        half_linear = between.dot(travel)
        constant = (distance - reach) * (distance + reach)
        discriminant = half_linear**2 - travel.squared_norm() * constant
        hits = (half_linear < 0.0) & (separation > 0.0) & (discriminant > 0.0)
        root = jnp.sqrt(jnp.where(hits, discriminant, 1.0))
        tau = jnp.where(hits, constant / jnp.where(hits, root - half_linear, 1.0), 0.0)
        in_flight = hits & (tau >= 0.0) & (tau < 1.0)  # < 0 only where a radius is negative
        tau = jnp.where(in_flight, tau, 0.0)

        _, normal = length_and_direction(between + travel * tau)
        closes = travel.dot(normal) < 0.0
        touch = Touch(
            separation=separation,
            time_of_impact=tau,
            meets=in_flight | (separation < 0.0) | ((separation <= 0.0) & closes),
            normal=normal,
            offset_a=first.arm - normal * radius_a,
            offset_b=second.arm + normal * radius_b,
            sweep=normal.dot(curve),
        )
        return (touch,)
