"""The complementarity problem of one time step: all that pushes or bounds.

Find z⁺ and impulses λ with z⁺ = z_free + Σ y λ such that every constraint has what it asks for.
What is updated together, and in which order, depends on the world alone and not on its state.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsim.collisions.contacts import ContactImpulse
from diffsim.constraints import contact, drive, joint
from diffsim.constraints.constraint import Constraint, Impulse, Piece, StepStart
from diffsim.dynamics.elimination import Z
from diffsim.dynamics.tree import branch
from diffsim.math.indexing import WORLD, gather
from diffsim.solvers.clusters import Cluster, cluster
from diffsim.world.world import Impulses, World


class StepProblem(NamedTuple):
    """Complementarity problem of one time step.

    Attributes:
        free: z without any impulse.
        before: z with what motors, limits and joints did in the last step, but no contact: the
            motion until surfaces meet.
        constraints: everything that pushes or bounds.
        clusters: which of them are solved together, in the order in which they are updated.
        previous: the last step's impulses, one constraint after another.
    """

    free: Z
    before: Z
    constraints: tuple[Constraint, ...]
    clusters: tuple[Cluster, ...]
    previous: tuple[Impulse, ...]


def build_problem(start: StepStart, free: Z) -> StepProblem:
    """All constraints of a step.

    Args:
        start: of the step.
        free: z after the step under external forces alone.
    """
    # What acts all along, and from it the motion until surfaces meet; then what they do there.
    steady: list[Constraint] = [*joint.build(start), *drive.build(start)]
    impulses = start.state.impulses
    totals = [constraint.total(constraint.gather(impulses)) for constraint in steady]
    before = free
    for constraint, total in zip(steady, totals, strict=True):
        before = constraint.rows.push(before, jnp.stack(total))
    found = (*steady, *contact.build(start, before))
    clusters = cluster(found, [_branches(start.world, constraint) for constraint in found])
    previous = tuple(constraint.gather(impulses) for constraint in found)
    return StepProblem(free, before, found, clusters, previous)


def _branches(world: World, constraint: Constraint) -> tuple[frozenset[int], ...]:
    """The branches of the tree that each row pushes."""
    return tuple(
        frozenset(branch(world.tree, body) for body in bodies if body != WORLD)
        for bodies in constraint.ends(world)
    )


def collect_impulses(
    constraints: tuple[Constraint, ...], found: tuple[Impulse, ...], like: Impulses
) -> Impulses:
    """All impulses in the order of the world, from those of the constraints."""
    pieces: dict[str, list[Piece]] = {}
    for constraint, impulse in zip(constraints, found, strict=True):
        for piece in constraint.scatter(impulse):
            pieces.setdefault(piece.name, []).append(piece)

    def collect(name: str, like: jax.Array) -> jax.Array:
        if name not in pieces:
            return like
        places = [place for piece in pieces[name] for place in piece.places]
        order = {place: index for index, place in enumerate(places)}
        joined = jnp.concatenate([piece.values for piece in pieces[name]])
        return gather(joined, tuple(order.get(k, WORLD) for k in range(like.shape[0])))

    return Impulses(
        joint=collect("joint", like.joint),
        motor=collect("motor", like.motor),
        limit=collect("limit", like.limit),
        contact=ContactImpulse(
            *(collect(name, part) for name, part in like.contact._asdict().items())
        ),
    )
