"""Mass, centre of mass and inertia of a robot's bodies."""

from __future__ import annotations

from typing import NamedTuple

import jax

from diffsim.math.vectors import Sym3, Vec3, point_inertia
from diffsim.robots.config import BodyConfig, GeomConfig
from diffsim.robots.geoms import geom_configs, size_of
from diffsim.robots.numbers import number, rotation_of, vector
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


def mass_properties(body: BodyConfig) -> MassProperties:
    """Mass, centre and inertia of a body: as given, the rest from its geoms."""
    geoms = list(geom_configs(body).values())
    masses = [_mass(geom) for geom in geoms]
    if body.mass is not None:
        given = number(body.mass)
        share = given / _sum(masses) if len(geoms) > 1 else None
        masses = [given] if share is None else [mass * share for mass in masses]
    pieces = [_piece(geom, mass) for geom, mass in zip(geoms, masses, strict=bool(geoms))]
    # The geom of the body's shape is at the body's frame: alone, nothing has to be moved.
    own = pieces[0] if len(geoms) == 1 and body.shape is not None else _together(pieces)
    if not geoms:
        own = own._replace(mass=masses[0])
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
    turned = Sym3(*moments, nothing, nothing, nothing).rotated_by(rotation_of(geom.orientation))
    return MassProperties(mass, vector(geom.position), turned)


def _together(pieces: list[MassProperties]) -> MassProperties:
    """Several as one, by Steiner's theorem; nothing of none."""
    total = _sum([piece.mass for piece in pieces])
    center, inertia = vector([0.0, 0.0, 0.0]), Sym3(*[number(0.0)] * 6)
    for piece in pieces:
        center = center + piece.center * (piece.mass / total)
    for piece in pieces:
        inertia = inertia + piece.inertia + point_inertia(piece.mass, piece.center - center)
    return MassProperties(total, center, inertia)


def _sum(masses: list[jax.Array]) -> jax.Array:
    return sum(masses, start=number(0.0))
