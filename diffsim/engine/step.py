"""One time step: the theory on one page."""

from __future__ import annotations

from diffsim.engine.bodies import advance, free_velocities
from diffsim.engine.contacts import detect
from diffsim.engine.motors import thruster_wrench
from diffsim.engine.solver.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.engine.world import Control, State, World


def step(world: World, solver: ProjectedGaussSeidel, state: State, control: Control) -> State:
    """The state one time step later.

    Semi-implicit Euler: velocities first, under forces and constraints, then positions with the
    new velocities. There is no branching; every call runs the same operations.

    Args:
        world: bodies, contacts, motors.
        solver: how the complementarity problem is solved.
        state: at the start of the step.
        control: held during the step.
    """
    # Velocities under gravity and motors alone: v + h M⁻¹ f.
    force, torque = thruster_wrench(world.thrusters, state.rotation, control.thrust)
    free = free_velocities(
        world.bodies,
        state.rotation,
        state.velocity,
        state.angular_velocity,
        force,
        torque,
        world.gravity,
        world.timestep,
    )

    # Where and when surfaces meet.
    frame = detect(world.contacts, state.position, free.linear, world.timestep)

    # Impulses λ with v⁺ = v_free + M⁻¹ Jᵀ λ, such that v⁺ and λ satisfy every contact.
    solution = solver.solve(world, state, frame, free)

    # Positions follow the new velocities.
    position, rotation, angular_velocity = advance(
        world.bodies,
        state.position,
        state.rotation,
        solution.drift,
        solution.velocities.angular,
        world.timestep,
    )
    return State(
        position=position,
        rotation=rotation,
        velocity=solution.velocities.linear,
        angular_velocity=angular_velocity,
        contact_impulse=solution.impulse,
        time=state.time + world.timestep,
    )
