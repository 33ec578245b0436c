"""Effective masses of directions that joints may leave without motion."""

from __future__ import annotations

import jax
import jax.numpy as jnp

IMMOVABLE_SHARE = 1e-5
"""Share of the effective inverse mass of a free body below which a direction counts as without
motion. The lever arm of a pendulum's contact is then 0.3 % of its length. A foot of 50 g under a
robot of 70 kg is seventy times above it, and by the fourth power not touched."""


def regularized_inverse(
    inverse_mass: jax.Array, scale: jax.Array, softness: jax.Array | float = 0.0
) -> jax.Array:
    """Impulse that a unit of velocity asks of a direction, K³/(K³ (K + c) + (ε scale)⁴).

    That is 1/(K + c), but 0 where K is. Joints may leave a contact without motion along its normal
    or tangents: a ball on a vertical rail, a pendulum that touches the ground as it hangs. K is
    then 0, or round-off, and 1/K no number. Such a direction takes no impulse, and one that hardly
    moves a small one; the transition is smooth, with ε = ``IMMOVABLE_SHARE``.

    Args:
        inverse_mass: K, of any shape.
        scale: K that the bodies would have without joints, positive.
        softness: c, the constraint force mixing.
    """
    # On both sides of ε in the form that float32 and its derivative can hold.
    share, mixing = inverse_mass / scale, softness / scale
    moves = share > IMMOVABLE_SHARE
    large = jnp.where(moves, share, IMMOVABLE_SHARE)
    small = jnp.where(moves, IMMOVABLE_SHARE, share) / IMMOVABLE_SHARE
    beyond = 1.0 / (large * (1.0 + (IMMOVABLE_SHARE / large) ** 4) + mixing)
    below = small**3 / (IMMOVABLE_SHARE * (1.0 + small**4) + small**3 * mixing)
    return jnp.where(moves, beyond, below) / scale
