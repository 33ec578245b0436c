"""Whether an episode keeps to the physics: a controller may live on the errors of a solver."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.checks.observation import observe
from diffsim.engine.rollout import Observer
from diffsim.engine.world import PartMotion, State, World, part_motion


class Seen(NamedTuple):
    """What is kept of a state.

    Attributes:
        motion: of all parts.
        drift, drift_angle: largest error of hard joints [m], [rad].
        penetration: depth of the deepest contact, negative if none touches [m].
        effort: largest share that a motor's mean force in the last step was of its limit.
    """

    motion: PartMotion
    drift: jax.Array
    drift_angle: jax.Array
    penetration: jax.Array
    effort: jax.Array


class Soundness(NamedTuple):
    """The worst of one episode.

    Attributes:
        joint_drift, joint_drift_angle: how far a hard joint came apart [m], [rad].
        penetration: how deep a contact was [m], and the median of the deepest of each step.
        effort: share of its limit that a motor has used.
    """

    joint_drift: float
    joint_drift_angle: float
    penetration: float
    median_penetration: float
    effort: float


def observer(world: World) -> Observer:
    """The observer of a world's states, which gives ``Seen``."""
    errors = observe(world)
    limit = world.drives.max_force

    def of_state(state: State) -> Seen:
        seen = errors(state)
        force = jnp.abs(state.impulses.motor) / world.timestep
        share = jnp.where(limit > 0.0, force / jnp.where(limit > 0.0, limit, 1.0), 0.0)
        return Seen(
            part_motion(world.parts, state),
            seen.drift,
            seen.drift_angle,
            seen.penetration,
            jnp.max(share, initial=0.0),
        )

    return of_state


def judge(seen: Seen) -> Soundness:
    """From all states of an episode, with a leading axis of time."""
    depth = np.maximum(np.asarray(seen.penetration), 0.0)
    return Soundness(
        joint_drift=float(np.max(seen.drift)),
        joint_drift_angle=float(np.max(seen.drift_angle)),
        penetration=float(depth.max()),
        median_penetration=float(np.median(depth)),
        effort=float(np.max(seen.effort)),
    )


def describe(found: Soundness) -> str:
    """One line for people."""
    return (
        f"In one episode joints came apart by at most {1e3 * found.joint_drift:.2g} mm and "
        f"{1e3 * found.joint_drift_angle:.2g} mrad, contacts were {1e3 * found.penetration:.2g} mm "
        f"deep (median {1e3 * found.median_penetration:.2g} mm), and no motor used more than "
        f"{100.0 * found.effort:.4g} % of its largest force."
    )
