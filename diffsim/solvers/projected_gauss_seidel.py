"""Projected Gauss-Seidel: a fixed number of sweeps over all constraints, warm-started.

Each sweep updates the constraints in turn (``diffsim.constraints``). It begins ahead of where
the last one ended, by a share of what that one has moved: this momentum halves the sweeps needed.
What has been eliminated (``diffsim.dynamics.elimination``) needs no rows and holds exactly; what
remains is bounded: motors, limits and contacts, and the joints that are soft or close a loop. With
nothing eliminated the same sweeps are the paper's projected Gauss-Seidel over all constraints.

The derivative goes through the sweeps, each computed again in the reverse pass. Where an impulse is
at its bound its row's derivative is that of the bound. Or it is taken implicitly: at a solution,
one more sweep changes nothing, λ = T(λ, θ), so that dλ = (1 − ∂T/∂λ)⁻¹ ∂T/∂θ dθ. The inverse is
applied by as many sweeps of the transposed linear system, all at the solution, which needs no
memory of the sweeps that led there; it is as good as the solution has converged.

Source: Catto, "Iterative Dynamics with Temporal Coherence", GDC 2005; Jourdan, Alart, Jean, "A
Gauss-Seidel like algorithm to solve frictional contact problems", 1998; for the momentum Polyak,
"Some methods of speeding up the convergence of iteration methods", 1964, and Mazhar et al., "Using
Nesterov's method to accelerate multibody dynamics", 2015; for the implicit derivative
Christianson, "Reverse accumulation and attractive fixed points", 1994.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from diffsim.constraints.constraint import Constraint, Impulse
from diffsim.dynamics.elimination import Z
from diffsim.math.packing import Packed, Packing
from diffsim.solvers.problem import StepProblem

FRICTION_LAWS = ("cone", "box")
GRADIENTS = ("sweeps", "implicit")

AllImpulses = tuple[Impulse, ...]


class Solution(NamedTuple):
    """Solution of a step's complementarity problem.

    Attributes:
        z: motion at the end of the step.
        drift: mean over the step, with which positions move.
        impulses: by constraints.
    """

    z: Z
    drift: Z
    impulses: AllImpulses


@dataclasses.dataclass(frozen=True)
class ProjectedGaussSeidel:
    """Settings of the solver; all of them are static.

    Attributes:
        iterations: sweeps over all rows in each time step.
        rounds: in each sweep, over the constraints of each cluster.
        drift_iterations: further sweeps for the positions, where an impact within the step and
            other rows act on the same bodies.
        momentum: share of the last sweep's change by which the next one begins ahead.
        friction: "cone" for Coulomb's law, "box" for the paper's two independent rows.
        warm_start: begin with the impulses of the last time step instead of zero.
        erp: share of the error of hard joints and limits that is taken back in one step.
        gradient: "sweeps" or "implicit".
    """

    iterations: int = 10
    rounds: int = 3
    drift_iterations: int = 3
    momentum: float = 0.5
    friction: str = "cone"
    warm_start: bool = True
    erp: float = 0.2
    gradient: str = "sweeps"

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise ValueError(f"iterations must be at least 1, got {self.iterations}")
        if self.rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {self.rounds}")
        if not 0.0 <= self.momentum < 1.0:
            raise ValueError(f"momentum must be at least 0 and below 1, got {self.momentum}")
        if self.drift_iterations < 0:
            raise ValueError(f"drift_iterations must be at least 0, got {self.drift_iterations}")
        if self.friction not in FRICTION_LAWS:
            raise ValueError(f"friction must be one of {FRICTION_LAWS}, got '{self.friction}'")
        if not 0.0 <= self.erp <= 1.0:
            raise ValueError(f"erp must be within 0 and 1, got {self.erp}")
        if self.gradient not in GRADIENTS:
            raise ValueError(f"gradient must be one of {GRADIENTS}, got '{self.gradient}'")

    def solve(self, problem: StepProblem) -> Solution:
        """Motion that satisfies all constraints, and the impulses that bring it about."""
        start = problem.previous
        if not self.warm_start:
            start = jax.tree.map(jnp.zeros_like, start)
        z, impulses = self._sweeps(problem, start, self.iterations)

        # An impulse at the time of impact moves the bodies only over the rest of the step. What
        # else acts on them has to be solved for as the velocities were. Rows that go by themselves
        # have the solution as their first guess, but for limits and contacts that are too deep,
        # which take one sweep.
        coupled = _is_coupled(problem.constraints)
        goes_back = any(constraint.moves_back for constraint in problem.constraints)
        sweeps = self.drift_iterations if coupled else min(self.drift_iterations, int(goes_back))
        held = problem.previous if coupled else jax.tree.map(jnp.zeros_like, problem.previous)
        before, after = _velocities(problem, problem.before), _velocities(problem, z)
        found = [
            one.for_drift(before[number], after[number], impulse, previous)
            for number, (one, impulse, previous) in enumerate(
                zip(problem.constraints, impulses, held, strict=True)
            )
        ]
        for_drift = problem._replace(constraints=tuple(constraint for constraint, _ in found))
        guess = tuple(impulse for _, impulse in found)
        drift, _ = self._sweeps(for_drift, guess, sweeps)
        return Solution(z, drift, impulses)

    def _sweeps(
        self, problem: StepProblem, impulses: AllImpulses, count: int
    ) -> tuple[Z, AllImpulses]:
        """Some sweeps from given impulses."""
        run = _implicit if self.gradient == "implicit" and count > 0 else _explicit
        return run(problem, impulses, count, self.rounds, self.momentum)


def sweep(problem: StepProblem, z: Z, impulses: AllImpulses, rounds: int) -> tuple[Z, AllImpulses]:
    """Update every cluster once."""
    updated = list(impulses)
    for cluster in problem.clusters:
        z, found = cluster.update(problem.constraints, z, updated, rounds)
        for member, impulse in zip(cluster.members, found, strict=True):
            updated[member] = impulse
    return z, tuple(updated)


def apply_impulses(problem: StepProblem, impulses: AllImpulses) -> Z:
    """z_free + Σ y λ."""
    z = problem.free
    for cluster in problem.clusters:
        held = [impulses[member] for member in cluster.members]
        z = cluster.rows.push(z, cluster.totals(problem.constraints, held))
    return z


def _velocities(problem: StepProblem, z: Z) -> dict[int, list[jax.Array]]:
    """Velocities of all directions, by constraints."""
    return {
        member: velocities
        for cluster in problem.clusters
        for member, velocities in cluster.velocities(z).items()
    }


def _explicit(
    problem: StepProblem, impulses: AllImpulses, count: int, rounds: int, momentum: float
) -> tuple[Z, AllImpulses]:
    start = apply_impulses(problem, impulses), impulses
    if not problem.constraints or count == 0:
        return start

    # The reverse pass stores what each sweep begins with: one array is stored much faster.
    packing = Packing((start, start), behind=problem.free[0].ndim - 2)

    @partial(jax.checkpoint, prevent_cse=False)
    def body(carry: Packed, _: None) -> tuple[Packed, None]:
        now, before = packing.unpack(carry)
        z, impulses = jax.tree.map(lambda new, old: new + momentum * (new - old), now, before)
        return packing.pack((sweep(problem, z, impulses, rounds), now)), None

    # z is linear in the impulses, so both may be taken ahead.
    end, _ = jax.lax.scan(body, packing.pack((start, start)), length=count)
    found: tuple[Z, AllImpulses] = packing.unpack(end)[0]
    return found


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _implicit(
    problem: StepProblem, impulses: AllImpulses, count: int, rounds: int, momentum: float
) -> tuple[Z, AllImpulses]:
    return _explicit(problem, impulses, count, rounds, momentum)


def _implicit_forward(
    problem: StepProblem, impulses: AllImpulses, count: int, rounds: int, momentum: float
) -> tuple[Any, Any]:
    z, found = _explicit(problem, impulses, count, rounds, momentum)
    return (z, found), (problem, found)


def _implicit_backward(
    count: int, rounds: int, momentum: float, residuals: Any, cotangent: Any
) -> tuple[Any, Any]:
    problem, impulses = residuals

    def once(impulses: AllImpulses, problem: StepProblem) -> AllImpulses:
        return sweep(problem, apply_impulses(problem, impulses), impulses, rounds)[1]

    _, pull_motion = jax.vjp(apply_impulses, problem, impulses)
    direct, from_motion = pull_motion(cotangent[0])
    wanted = jax.tree.map(jnp.add, from_motion, cotangent[1])
    _, pull_sweep = jax.vjp(once, impulses, problem)

    def body(adjoint: AllImpulses, _: None) -> tuple[AllImpulses, None]:
        return jax.tree.map(jnp.add, wanted, pull_sweep(adjoint)[0]), None

    adjoint, _ = jax.lax.scan(body, wanted, length=count)
    _, through = pull_sweep(adjoint)

    def add(a: Any, b: Any) -> Any:
        return a if a.dtype == jax.dtypes.float0 else a + b

    # Where the sweeps began does not matter to a solution.
    return jax.tree.map(add, direct, through), jax.tree.map(jnp.zeros_like, impulses)


_implicit.defvjp(_implicit_forward, _implicit_backward)


def _is_coupled(constraints: tuple[Constraint, ...]) -> bool:
    """True if any two rows push the same limb."""
    used: set[tuple[int, int]] = set()
    for constraint in constraints:
        for slot in constraint.rows.slots:
            places = [(slot.limb, unit) for unit in slot.units]
            if used & set(places) or len(set(places)) < len(places):
                return True
        used |= {(slot.limb, unit) for slot in constraint.rows.slots for unit in slot.units}
    return False
