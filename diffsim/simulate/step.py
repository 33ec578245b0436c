"""One time step: the theory on one page."""

from __future__ import annotations

import jax

from diffsim.constraints.constraint import StepStart
from diffsim.dynamics.assembly import assemble, keep_angular_momentum, spinning
from diffsim.dynamics.bodies import advance, free_motion, turn
from diffsim.dynamics.elimination import eliminate, project, rates_of, velocities_at, velocities_of
from diffsim.joints.coordinates import advance_angles
from diffsim.joints.joints import joint_frames
from diffsim.math.spatial import Motion, Twist
from diffsim.solvers.problem import build_problem, collect_impulses
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.world.motors import thruster_wrench
from diffsim.world.world import Control, State, World


def step(world: World, solver: ProjectedGaussSeidel, state: State, control: Control) -> State:
    """The state one time step later.

    Semi-implicit Euler: velocities first, under forces and constraints, then positions with the
    new velocities. There is no branching; every call runs the same operations.

    Args:
        world: bodies, joints, contacts, motors.
        solver: how the complementarity problem is solved.
        state: at the start of the step.
        control: held during the step.
    """
    bodies, joints, h = world.bodies, world.joints, world.timestep
    pose, twist = state.pose, state.twist
    thrust = control.command[: len(world.thrusters.names)]
    command = control.command[len(world.thrusters.names) :]

    # Velocities of every body by itself under gravity and thrusters: u = v + h M⁻¹ f.
    wrench = thruster_wrench(world.thrusters, pose.rotation, thrust)
    free = free_motion(bodies, pose.rotation, twist, wrench, world.gravity, h)

    # The motions that the joints allow, u = S q̇ + b, with their inertia SᵀMS = LᵀL and z = L q̇.
    frames = joint_frames(joints, pose)
    system = eliminate(world.tree, bodies, joints, frames, Motion(pose, twist), h)
    z_free = project(system, bodies, pose.rotation, free.twist)

    # Impulses λ with z⁺ = z_free + Σ y λ, such that motors, limits and contacts have what they ask.
    start = StepStart(world, state, frames, system, command, solver.erp, solver.friction)
    problem = build_problem(start, z_free)
    solution = solver.solve(problem)
    after = velocities_of(system, solution.z)
    rates = rates_of(system, solution.drift)
    drift = velocities_at(system, rates)

    # Positions follow the new velocities, of bodies on joints along what these allow.
    alone = advance(pose, drift, spinning(world.tree), h)
    new = assemble(world.tree, bodies, joints, frames, alone, rates * h)

    # Turning leaves the angular momentum of every body as it is, and closing joints that of all.
    spin = after.angular - free.precession
    omega = turn(bodies, pose.rotation, new.pose.rotation, spin, free.resolved)
    turned = Twist(after.linear, omega)
    new_twist = keep_angular_momentum(world.tree, bodies, new, turned, free.resolved)
    time, time_excess = next_time(state.time, state.time_excess, h)
    return State(
        pose=new.pose,
        twist=new_twist,
        acceleration=(new_twist - twist) * (1.0 / h),
        impulses=collect_impulses(problem.constraints, solution.impulses, state.impulses),
        angles=advance_angles(joints, frames, state.angles, pose.position, drift, h),
        time=time,
        time_excess=time_excess,
    )


def next_time(
    time: jax.Array, excess: jax.Array, timestep: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Time after a step and what rounding has added to it, so that no error adds up.

    Source: Kahan, "Further remarks on reducing truncation errors", 1965.
    """
    due = timestep - excess
    new = time + due
    return new, jax.lax.stop_gradient((new - time) - due)
