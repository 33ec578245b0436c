"""Spatial quantities: the words in which the physics is written.

    Pose       where a frame is: position and rotation
    Twist      how it moves: linear and angular velocity
    Wrench     what acts on it: force and torque, or their impulses; momentum has the same parts
    Inertia    what a twist has to be multiplied with to become momentum

Every component is an array with one entry for each body (or joint, or contact), see
``diffsim.math.vectors``.

Source: Featherstone, "Rigid Body Dynamics Algorithms", 2008, chapter 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax

from diffsim.math.indexing import gather
from diffsim.math.vectors import Mat3, Scalar, Sym3, Vec3


class Pose(NamedTuple):
    """Frames in another frame.

    Attributes:
        position: of the origins [m].
        rotation: axes as columns; maps components in the frame to those in the other one.
    """

    position: Vec3
    rotation: Mat3

    def at(self, point: Vec3) -> Vec3:
        """Coordinates in the other frame of a point that is given in this one [m]."""
        return self.position + self.rotation @ point

    def times(self, other: Pose) -> Pose:
        """The pose of what ``other`` is in this frame."""
        return Pose(self.at(other.position), self.rotation.times(other.rotation))

    def gather(self, index: Sequence[int]) -> Pose:
        """The poses at ``index``; zero, not the identity, for ``WORLD``."""
        return Pose(self.position.gather(index), self.rotation.gather(index))


class Twist(NamedTuple):
    """Velocities of bodies, or changes of them.

    Attributes:
        linear: of a point of the body [m/s].
        angular: [rad/s].
    """

    linear: Vec3
    angular: Vec3

    def __add__(self, other: Twist) -> Twist:  # type: ignore[override]
        return Twist(self.linear + other.linear, self.angular + other.angular)

    def __sub__(self, other: Twist) -> Twist:
        return Twist(self.linear - other.linear, self.angular - other.angular)

    def __mul__(self, factor: Scalar) -> Twist:  # type: ignore[override]
        return Twist(self.linear * factor, self.angular * factor)

    def at(self, offset: Vec3) -> Vec3:
        """Velocity of the body's point at an offset from the one that ``linear`` is of [m/s]."""
        return self.linear + self.angular.cross(offset)

    def dot(self, wrench: Wrench) -> jax.Array:
        """Power of a wrench on this motion [W], both about the same point."""
        return self.linear.dot(wrench.force) + self.angular.dot(wrench.torque)

    def gather(self, index: Sequence[int]) -> Twist:
        """The velocities of the bodies at ``index``; zero for ``WORLD``."""
        return Twist(self.linear.gather(index), self.angular.gather(index))


class Motion(NamedTuple):
    """Poses of frames in the world, and their twists.

    Attributes:
        pose: of the frames.
        twist: velocity of their origins, and angular velocity, in the world frame.
    """

    pose: Pose
    twist: Twist

    def gather(self, index: Sequence[int]) -> Motion:
        """The motions at ``index``; zero for ``WORLD``."""
        return Motion(self.pose.gather(index), self.twist.gather(index))


class Wrench(NamedTuple):
    """Forces and torques on bodies, or their impulses; also linear and angular momentum.

    Attributes:
        force: [N], an impulse [N·s].
        torque: about a point [N·m], an impulse [N·m·s].
    """

    force: Vec3
    torque: Vec3

    def about(self, offset: Vec3) -> Wrench:
        """Wrench of this action about a point, from which the old one is at ``offset`` [m]."""
        return Wrench(self.force, self.torque + offset.cross(self.force))

    def gather(self, index: Sequence[int]) -> Wrench:
        """The wrenches on the bodies at ``index``; zero for ``WORLD``."""
        return Wrench(self.force.gather(index), self.torque.gather(index))


class Inertia(NamedTuple):
    """Inertia of bodies about a point.

    Attributes:
        mass: [kg], shape (bodies,).
        moment: mass times the centre of mass, as seen from the point [kg·m].
        tensor: rotational inertia about the point [kg·m²].
    """

    mass: jax.Array
    moment: Vec3
    tensor: Sym3

    def times(self, twist: Twist) -> Wrench:
        """Linear and angular momentum of a motion, both about the point."""
        linear, angular = twist
        return Wrench(
            linear * self.mass + angular.cross(self.moment),
            self.tensor @ angular + self.moment.cross(linear),
        )

    def gather(self, index: Sequence[int]) -> Inertia:
        """The inertias of the bodies at ``index``."""
        return Inertia(
            gather(self.mass, index), self.moment.gather(index), self.tensor.gather(index)
        )
