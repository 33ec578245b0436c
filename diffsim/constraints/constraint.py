"""The protocol of constraints: the solver's questions, and the material they are built from.

A constraint is some rows of one kind that are updated at once. An update changes their impulses λ
by what would bring their velocity w to its target if nothing else changed, projects them on the set
that is allowed, and passes the change on to z:

    λ′ = Π( λ − K⁻¹ (w + cfm λ − target) ),      z′ = z + y (λ′ − λ)

Every constraint also says what the *drift* has to satisfy, the mean motion through the step with
which positions move.

A new type of constraint is a file of this package: a law, a function that builds its constraints
from a ``StepStart``, and its place in ``diffsim.solvers.problem``. The solver knows no type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import jax

from diffsim.constraints.rows import Rows
from diffsim.dynamics.elimination import Elimination
from diffsim.joints.joint_type import JointFrames
from diffsim.world.world import Impulses, State, World

Impulse = tuple[jax.Array, ...]
"""Impulses of a constraint's directions [N·s] or [N·m·s], each of shape (rows,)."""

Velocity = Sequence[jax.Array]
"""Velocities of a constraint's directions [m/s] or [rad/s], each of shape (rows,)."""


class StepStart(NamedTuple):
    """A step as it begins: what constraints are built from.

    Attributes:
        world, state: at the start of the step.
        frames: of the joints.
        system: the factored generalized inertia.
        command: of all motors.
        erp: share of the error of hard joints and limits that is taken back in one step.
        friction_law: "cone" or "box".
    """

    world: World
    state: State
    frames: JointFrames
    system: Elimination
    command: jax.Array
    erp: float
    friction_law: str


class Piece(NamedTuple):
    """Some numbers of the state's impulses.

    Attributes:
        name: of the array in ``Impulses``, or in its contact's impulses.
        places: indices in that array.
        values: shape (places,).
    """

    name: str
    places: tuple[int, ...]
    values: jax.Array


class Constraint(Protocol):
    """Rows with a law.

    Attributes:
        rows: their directions.
        moves_back: whether the drift alone moves bodies back from where they may not be.
    """

    @property
    def rows(self) -> Rows: ...

    @property
    def moves_back(self) -> bool: ...

    def ends(self, world: World) -> tuple[tuple[int, ...], ...]:
        """The bodies that each row pushes directly, ``WORLD`` among them."""

    def gather(self, impulses: Impulses) -> Impulse:
        """Its impulses of the last step."""

    def scatter(self, impulse: Impulse) -> list[Piece]:
        """Its impulses with their places in the state."""

    def total(self, impulse: Impulse) -> Impulse:
        """The impulse in each direction of the rows."""

    def respond(self, velocities: Velocity, impulse: Impulse) -> Impulse:
        """The impulses after an update that finds these velocities and impulses."""

    def for_drift(
        self, before: Velocity, after: Velocity, impulse: Impulse, previous: Impulse
    ) -> tuple[Constraint, Impulse]:
        """The constraint on the drift, and a first guess of the impulses that move the bodies.

        Args:
            before: velocities until surfaces meet.
            after: velocities after the solve.
            impulse: of the solve.
            previous: of the last step, zero where nothing pushes the same degree of freedom.
        """
