"""Mass, centre of mass and inertia of a robot's bodies."""

from __future__ import annotations

from typing import NamedTuple

import jax

from diffsim.math.spatial import Pose
from diffsim.math.vectors import Sym3, Vec3, point_inertia
from diffsim.robots.config import BodyConfig, GeomConfig
from diffsim.robots.geoms import geom_configs, size_of
from diffsim.robots.numbers import is_upright, number, rotation_of, vector
from diffsim.shapes.table import SHAPES


class MassProperties(NamedTuple):
    """Distribution of mass, numbers and components of shape ().

    Attributes:
        mass: [kg].
        center: of mass, in the body's frame [m].
        inertia: about the centre of mass, in the axes of the body's frame [kg·m²].
    """

    mass: jax.Array
    center: Vec3
    inertia: Sym3

    def seen_from(self, pose: Pose) -> MassProperties:
        """Express the properties in a frame in which the body's frame has this pose."""
        inertia = self.inertia.rotated_by(pose.rotation)
        return MassProperties(self.mass, pose.at(self.center), inertia)


def mass_properties(body: BodyConfig) -> MassProperties:
    """Mass, centre and inertia of a body: as given, the rest from its geoms."""
    geoms = list(geom_configs(body).values())
    if body.mass is not None and len(geoms) == 1:
        masses = [number(body.mass)]
    else:
        masses = [_mass(geom) for geom in geoms]
        if body.mass is not None and geoms:
            share = number(body.mass) / _sum(masses)
            masses = [mass * share for mass in masses]
    own = together([_piece(geom, mass) for geom, mass in zip(geoms, masses, strict=True)])
    if not geoms:
        own = own._replace(mass=number(body.mass))
    if body.inertia is not None:
        moments = [*body.inertia, *(body.products_of_inertia or [0.0, 0.0, 0.0])]
        own = own._replace(inertia=Sym3(*(number(value) for value in moments)))
    if body.center_of_mass is not None:
        own = own._replace(center=vector(body.center_of_mass))
    return own


def _mass(geom: GeomConfig) -> jax.Array:
    """Mass of a geom, from its density if it is not given [kg]."""
    if geom.mass is not None:
        return number(geom.mass)
    return number(geom.density) * SHAPES[geom.shape].volume(size_of(geom))


def _piece(geom: GeomConfig, mass: jax.Array) -> MassProperties:
    """A geom by itself."""
    nothing = number(0.0)
    moments = SHAPES[geom.shape].inertia(size_of(geom), mass)
    own = Sym3(*moments, nothing, nothing, nothing)
    if not is_upright(geom.orientation):
        own = own.rotated_by(rotation_of(geom.orientation))
    return MassProperties(mass, vector(geom.position), own)


def together(pieces: list[MassProperties]) -> MassProperties:
    """Several as one, in one frame, by Steiner's theorem; nothing of none."""
    if len(pieces) == 1:
        return pieces[0]
    total = _sum([piece.mass for piece in pieces])
    center, inertia = vector([0.0, 0.0, 0.0]), Sym3(*[number(0.0)] * 6)
    for piece in pieces:
        center = center + piece.center * (piece.mass / total)
    for piece in pieces:
        inertia = inertia + (piece.inertia + point_inertia(piece.mass, piece.center - center))
    return MassProperties(total, center, inertia)


def _sum(masses: list[jax.Array]) -> jax.Array:
    return sum(masses, start=number(0.0))
