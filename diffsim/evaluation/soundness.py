"""Soundness of an episode: a controller may live on the errors of a solver."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.checks.observation import contact_frame, observe
from diffsim.math.spatial import Motion
from diffsim.math.vectors import Vec3
from diffsim.world.world import State, World, part_motion


class Watched(NamedTuple):
    """Errors and effort in a state.

    Attributes:
        motion: of all parts.
        drift, drift_angle: largest error of hard joints [m], [rad].
        depth: of each contact, negative where the surfaces are apart [m], shape (contacts,).
        touches: whether they touch, or did so in the last step, shape (contacts,).
        place: of each contact in the world frame [m], components (contacts,).
        force: of each drive's motor, its mean in the last step [N·m] or [N], shape (drives,).
        effort: largest share that it was of its limit.
    """

    motion: Motion
    drift: jax.Array
    drift_angle: jax.Array
    depth: jax.Array
    touches: jax.Array
    place: Vec3
    force: jax.Array
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


def observer(world: World) -> Callable[[State], Watched]:
    """The observer of a world's states, which gives ``Watched``."""
    errors = observe(world)
    limit = world.drives.max_force

    def of_state(state: State) -> Watched:
        seen = errors(state)
        depth, touches, place = _contacts(world, state)
        force = state.impulses.motor / world.timestep
        share = jnp.where(limit > 0.0, jnp.abs(force) / jnp.where(limit > 0.0, limit, 1.0), 0.0)
        return Watched(
            motion=part_motion(world.parts, state),
            drift=seen.drift,
            drift_angle=seen.drift_angle,
            depth=depth,
            touches=touches,
            place=place,
            force=force,
            effort=jnp.max(share, initial=0.0),
        )

    return of_state


def _contacts(world: World, state: State) -> tuple[jax.Array, jax.Array, Vec3]:
    """Depth [m], whether they touch, and where [m]."""
    if not world.contacts.names:
        none = jnp.zeros(0, world.timestep.dtype)
        return none, none > 0.0, Vec3(none, none, none)
    frame = contact_frame(world, state).touch
    touches = (frame.separation < 0.0) | (state.impulses.contact.normal > 0.0)
    place = state.pose.position.gather(world.contacts.body_a) + frame.offset_a
    return -frame.separation, touches, place


def judge(seen: Watched) -> Soundness:
    """Judge an episode by all of its states, with a leading axis of time."""
    depth = np.max(np.asarray(seen.depth), axis=1, initial=0.0)
    return Soundness(
        joint_drift=float(np.max(seen.drift)),
        joint_drift_angle=float(np.max(seen.drift_angle)),
        penetration=float(depth.max()),
        median_penetration=float(np.median(depth)),
        effort=float(np.max(seen.effort)),
    )


def describe(found: Soundness) -> str:
    """One line for people."""
    if not np.isfinite(found).all():
        return "In one episode joints, contacts or motors had numbers that are not finite."
    return (
        f"In one episode joints came apart by at most {1e3 * found.joint_drift:.2g} mm and "
        f"{1e3 * found.joint_drift_angle:.2g} mrad, contacts were {1e3 * found.penetration:.2g} mm "
        f"deep (median {1e3 * found.median_penetration:.2g} mm), and no motor used more than "
        f"{100.0 * found.effort:.4g} % of its largest force."
    )
