"""Position, velocity, orientation and angular velocity of a body.

They are those of the body's frame, in the world or as another body (``relative_to``) sees them.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax

from diffsim.math.spatial import Motion
from diffsim.math.vectors import Mat3, Vec3
from diffsim.robots.config import SensorConfig
from diffsim.sensors.sensor_type import Moment, SensorType


class BodyMotion(SensorType):
    """Base of sensors that see a body move."""

    uses = ("body", "relative_to")

    def read(self, moment: Moment, sensors: Sequence[SensorConfig]) -> Sequence[jax.Array]:
        own = moment.motion(sensor.body for sensor in sensors)
        if sensors[0].relative_to is None:
            return self.in_world(own)
        return self.in_body(own, moment.motion(sensor.relative_to for sensor in sensors))

    def in_world(self, own: Motion) -> Sequence[jax.Array]:
        """The components in the axes of the world."""
        raise NotImplementedError

    def in_body(self, own: Motion, other: Motion) -> Sequence[jax.Array]:
        """The components in the axes of another body, and against it."""
        raise NotImplementedError


class Position(BodyMotion):
    """Position of a body."""

    components = dict.fromkeys("xyz", "m")

    def in_world(self, own: Motion) -> Vec3:
        return own.pose.position

    def in_body(self, own: Motion, other: Motion) -> Vec3:
        between = own.pose.position - other.pose.position
        return other.pose.rotation.transpose_times(between)


class Velocity(BodyMotion):
    """Velocity of a body."""

    components = dict.fromkeys("xyz", "m/s")

    def in_world(self, own: Motion) -> Vec3:
        return own.twist.linear

    def in_body(self, own: Motion, other: Motion) -> Vec3:
        between = own.pose.position - other.pose.position
        relative = own.twist.linear - other.twist.at(between)
        return other.pose.rotation.transpose_times(relative)


class AngularVelocity(BodyMotion):
    """Angular velocity of a body."""

    components = dict.fromkeys("xyz", "rad/s")

    def in_world(self, own: Motion) -> Vec3:
        return own.twist.angular

    def in_body(self, own: Motion, other: Motion) -> Vec3:
        relative = own.twist.angular - other.twist.angular
        return other.pose.rotation.transpose_times(relative)


class Orientation(BodyMotion):
    """The rotation matrix of a body, row by row: "xz" is the x component of its z axis."""

    components = dict.fromkeys((row + column for row in "xyz" for column in "xyz"), "1")

    def in_world(self, own: Motion) -> list[jax.Array]:
        return _by_rows(own.pose.rotation)

    def in_body(self, own: Motion, other: Motion) -> list[jax.Array]:
        into = other.pose.rotation.transpose_times
        return _by_rows(Mat3(*(into(column) for column in own.pose.rotation)))


def _by_rows(matrix: Mat3) -> list[jax.Array]:
    return [column[row] for row in range(3) for column in matrix]
