"""The protocol of collisions: where geoms of two shapes touch, and when within the step.

Over one step every point of a geom is taken to move along a straight line, the chord of its arc;
the surfaces meet after the share τ of the step. What is asked of a pair of shapes is said at a
number of *points* (one for two spheres, two for a capsule on a plane): the gap now, τ, and the
geometry at that moment. Each point is a contact of its own, with the law of
``diffsim.constraints.contact``. Normals point from geom b to geom a.

A new pair is one file with one class, and its name in a table (``diffsim.collisions.table``).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp

from diffsim.math.indexing import WORLD
from diffsim.math.rotations import grounded
from diffsim.math.spatial import Pose, Twist
from diffsim.math.vectors import Mat3, Vec3, where
from diffsim.shapes.shape import Size


class MovingPoint(NamedTuple):
    """Points of bodies over a step, components (pairs,).

    Attributes:
        position: at the start of the step [m].
        arm: the same from the body's centre of mass [m].
        velocity: of the point of the body [m/s].
        curve: what its velocity has beyond that because it goes along an arc, h/2 ω × (ω × r).
    """

    position: Vec3
    arm: Vec3
    velocity: Vec3
    curve: Vec3


class GeomMotion(NamedTuple):
    """Geoms of one shape and the motion of their bodies over a step, components (pairs,).

    Attributes:
        bodies: index of each geom's body, or ``WORLD``.
        body: poses of the bodies at the start of the step; zero for the world.
        pose: of the geoms in the bodies' frames.
        twist: of the bodies in the free motion until surfaces meet.
        size: numbers of the shape.
        timestep: h [s].
    """

    bodies: tuple[int, ...]
    body: Pose
    pose: Pose
    twist: Twist
    size: Size
    timestep: jax.Array

    def rotation(self) -> Mat3:
        """Axes of the geoms in the world."""
        if set(self.bodies) == {WORLD}:
            return self.pose.rotation
        return grounded(self.bodies, self.body.rotation).times(self.pose.rotation)

    def center(self) -> MovingPoint:
        """The centres of the geoms."""
        return self._at(self.pose.position)

    def point(self, offset: Vec3) -> MovingPoint:
        """Points of the geoms, given in the geoms' frames [m]."""
        return self._at(self.pose.at(offset))

    def _at(self, local: Vec3) -> MovingPoint:
        if set(self.bodies) == {WORLD}:
            still = jax.tree.map(jnp.zeros_like, local)
            return MovingPoint(local, local, still, still)
        arm = grounded(self.bodies, self.body.rotation) @ local
        swing = self.twist.angular.cross(arm)
        return MovingPoint(
            position=self.body.position + arm,
            arm=arm,
            velocity=self.twist.linear + swing,
            curve=self.twist.angular.cross(swing) * (0.5 * self.timestep),
        )


class Touch(NamedTuple):
    """Geometry of two surfaces at contact, components (pairs,), in the world.

    Attributes:
        separation: gap at the start of the step [m], negative when penetrating.
        time_of_impact: τ, the share of the step after which surfaces that are apart meet; else 0.
        meets: whether the surfaces are in each other, or would be at the end of the step.
        normal: unit vector from b to a at the time of impact.
        offset_a, offset_b: from the centres of mass to the contact point, then [m].
        sweep: velocity along the normal that the points have beyond that of their bodies' straight
            motion, because they go along arcs [m/s].
    """

    separation: jax.Array
    time_of_impact: jax.Array
    meets: jax.Array
    normal: Vec3
    offset_a: Vec3
    offset_b: Vec3
    sweep: jax.Array


class Collision(Protocol):
    """A pair of shapes.

    Attributes:
        points: how many contacts each pair of geoms has.
    """

    points: int

    def detect(self, a: GeomMotion, b: GeomMotion) -> tuple[Touch, ...]:
        """Contacts of pairs of geoms, one entry for each point.

        Args:
            a, b: geoms of the first and of the second shape, pair by pair.
        """


def sphere_on_plane(center: MovingPoint, radius: jax.Array, plane: GeomMotion) -> Touch:
    """Contact of a sphere that is fixed in a body with a plane of the world.

    Args:
        center: of the sphere.
        radius: [m]; 0 for a corner.
        plane: z = 0 of its frame.
    """
    normal = plane.rotation().c2
    travel = (center.velocity + center.curve) * plane.timestep
    separation = (center.position - plane.center().position).dot(normal) - radius
    approach = travel.dot(normal)
    hits = (approach < 0.0) & (separation > 0.0)
    tau = jnp.where(hits, separation / jnp.where(hits, -approach, 1.0), 0.0)
    in_flight = hits & (tau < 1.0)
    return Touch(
        separation=separation,
        time_of_impact=jnp.where(in_flight, tau, 0.0),
        meets=in_flight | (separation < 0.0) | ((separation <= 0.0) & (approach < 0.0)),
        normal=normal,
        offset_a=center.arm - normal * radius,
        offset_b=center.position - normal * (radius + separation),
        sweep=normal.dot(center.curve),
    )


def length_and_direction(vector: Vec3) -> tuple[jax.Array, Vec3]:
    """Length and unit vector; 0 and (0, 0, 1) for a vector of length zero, nan where it is nan."""
    squared = vector.squared_norm()
    is_zero = squared == 0.0
    length = jnp.sqrt(jnp.where(is_zero, 1.0, squared))
    one, zero = jnp.ones_like(length), jnp.zeros_like(length)
    direction = where(is_zero, Vec3(zero, zero, one), vector * (1.0 / length))
    return jnp.where(is_zero, 0.0, length), direction
