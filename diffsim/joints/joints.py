"""Joints of a world, and where their frames are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import jax

from diffsim.joints.joint_type import JointFrames, Parameters
from diffsim.math.pytrees import pytree, static
from diffsim.math.rotations import grounded
from diffsim.math.spatial import Pose

if TYPE_CHECKING:
    from jaxtyping import Float


@pytree
class Joints:
    """Pairs of bodies and how they are connected.

    Attributes:
        names: one for each joint.
        types: keys of ``diffsim.joints.table.JOINT_TYPES``.
        parent: index of the body the joint belongs to, or ``WORLD``.
        child: index of the body it carries.
        eliminated: whether the joint is solved exactly by the choice of coordinates. It is then
            the one that carries its child; the others are rows of the complementarity problem.
        parent_frame, child_frame: in the bodies' frames, components (joints,); they coincide where
            all coordinates are zero.
        frequency: natural frequency [Hz] of a soft joint, inf for a hard one, shape (joints,).
        damping_ratio: of a soft joint, 1 for critical damping, shape (joints,).
        parameters: numbers that only some types have.
    """

    names: tuple[str, ...] = static()
    types: tuple[str, ...] = static()
    parent: tuple[int, ...] = static()
    child: tuple[int, ...] = static()
    eliminated: tuple[bool, ...] = static()
    parent_frame: Annotated[Pose, "joints *robots"]
    child_frame: Annotated[Pose, "joints *robots"]
    frequency: Float[jax.Array, "joints *robots"]
    damping_ratio: Float[jax.Array, "joints *robots"]
    parameters: Annotated[Parameters, "joints *robots"]


def joint_frames(joints: Joints, pose: Pose) -> JointFrames:
    """Frames of all joints in the world, from the poses of the bodies."""
    if not joints.names:
        nothing = pose.gather(())
        return JointFrames(nothing, nothing, {})
    parent, child = pose.gather(joints.parent), pose.gather(joints.child)
    on_parent = Pose(parent.position, grounded(joints.parent, parent.rotation))
    return JointFrames(
        on_parent.times(joints.parent_frame), child.times(joints.child_frame), joints.parameters
    )
