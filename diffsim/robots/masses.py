"""Mass and moments of inertia of a robot's bodies."""

from __future__ import annotations

from typing import Any

from diffsim.math.vectors import Vec3
from diffsim.robots.config import BodyConfig
from diffsim.robots.numbers import number, vector
from diffsim.shapes import homogeneous as shapes


def mass_of(body: BodyConfig) -> Any:
    """Mass of a body, from its density if it is not given [kg], shape ()."""
    if body.mass is not None:
        return number(body.mass)
    return number(body.density) * _volume(body)


def inertia_of(body: BodyConfig) -> Vec3:
    """Principal moments of inertia of a body, from its shape if they are not given [kg·m²]."""
    if body.inertia is not None:
        return vector(body.inertia)
    if body.shape == "sphere":
        return shapes.sphere_inertia(mass_of(body), number(body.radius))
    return shapes.box_inertia(mass_of(body), vector(body.size))


def _volume(body: BodyConfig) -> Any:
    if body.shape == "sphere":
        return shapes.sphere_volume(number(body.radius))
    return shapes.box_volume(vector(body.size))
