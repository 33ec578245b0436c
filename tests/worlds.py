"""Small worlds that tests share, built as users build them: from a RobotConfig."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from diffsim.dynamics.bodies import inertia_times
from diffsim.math.spatial import Pose, Twist
from diffsim.math.vectors import Vec3
from diffsim.robots.build import build_world, initial_state
from diffsim.robots.config import BodyConfig, RobotConfig, ThrusterConfig
from diffsim.simulate.rollout import hold, rollout
from diffsim.simulate.simulator import Engine
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.world.world import Control, State, World, idle_control

GRAVITY = 9.81
DOWN = (0.0, 0.0, -GRAVITY)
WEIGHTLESS = (0.0, 0.0, 0.0)
RADIUS = 0.1
SOLVER = ProjectedGaussSeidel()
RIGID = float("inf")


def ball_robot(axis: Any = None, is_torque: bool = False, **options: Any) -> RobotConfig:
    """One sphere over the ground. ``axis``: of a thruster on it. ``options``: of body or robot."""
    push = ThrusterConfig(
        body="ball", type="torque" if is_torque else "force", axis=axis, limit=1e6
    )
    body, robot = _split(options)
    return RobotConfig(
        name="ball",
        bodies={"ball": BodyConfig(shape="sphere", **{"radius": RADIUS, **body})},
        thrusters={} if axis is None else {"push": push},
        **robot,
    )


def spheres_robot(
    bodies: Mapping[str, Mapping[str, Any]], pairs: Any = (), **options: Any
) -> RobotConfig:
    """Several spheres. ``options`` of bodies go to all of them, unless a body has its own."""
    body, robot = _split(options)
    return RobotConfig(
        name="spheres",
        bodies={
            name: BodyConfig(shape="sphere", **{"radius": RADIUS, **body, **own})
            for name, own in bodies.items()
        },
        contact_pairs=[list(pair) for pair in pairs],
        **robot,
    )


def box_robot(**body: Any) -> RobotConfig:
    """One box, which touches nothing, with three different moments of inertia."""
    options = {"size": [0.1, 0.2, 0.3], **body}
    return RobotConfig(name="box", bodies={"box": BodyConfig(shape="box", **options)})


def pile_robot(**options: Any) -> RobotConfig:
    """Two spheres side by side on the ground, just apart, and a third that rests on both."""
    half_width = 1.1 * RADIUS
    height = RADIUS + ((2.0 * RADIUS) ** 2 - half_width**2) ** 0.5
    bodies = {
        "left": {"position": [-half_width, 0.0, RADIUS]},
        "right": {"position": [half_width, 0.0, RADIUS]},
        "top": {"position": [0.0, 0.0, height], "ground_contact": False},
    }
    return spheres_robot(bodies, [("top", "left"), ("top", "right")], **options)


def build(robot: RobotConfig, gravity: Any = DOWN, timestep: Any = 1e-3) -> tuple[World, State]:
    """World and initial state."""
    world = build_world(robot, gravity, timestep)
    return world, initial_state(robot, world)


def supported(world: World, state: State) -> State:
    """The state of a ball that has lain on the ground: with the impulse that carries it."""
    weight = -world.gravity.z * world.bodies.mass * world.timestep
    return with_contact_impulse(state, weight)


def with_contact_impulse(state: State, normal: jax.Array) -> State:
    """The state with other normal impulses of the last step."""
    contact = state.impulses.contact._replace(normal=normal)
    return state._replace(impulses=state.impulses._replace(contact=contact))


@partial(jax.jit, static_argnames=("steps", "solver"))
def simulate(
    world: World,
    state: State,
    thrust: jax.Array | None = None,
    *,
    steps: int,
    solver: ProjectedGaussSeidel = SOLVER,
) -> State:
    """All states after the initial one, with a leading axis (steps,), under a constant thrust."""
    control = idle_control(world) if thrust is None else Control(thrust)
    return rollout(Engine(world, solver), state, hold(control), steps, lambda s, _: s).observations


def with_motion(
    state: State,
    *,
    position: Vec3 | None = None,
    velocity: Vec3 | None = None,
    angular_velocity: Vec3 | None = None,
    **others: Any,
) -> State:
    """The state with other motions of its bodies, and other fields."""
    (here, turned), (linear, angular) = state.pose, state.twist
    pose = Pose(here if position is None else position, turned)
    twist = Twist(
        linear if velocity is None else velocity,
        angular if angular_velocity is None else angular_velocity,
    )
    return state._replace(pose=pose, twist=twist, **others)


def last(trajectory: Any) -> Any:
    """The final state of a trajectory."""
    return jax.tree.map(lambda leaf: leaf[-1], trajectory)


def momentum(world: World, state: State) -> jax.Array:
    """Linear momentum of all bodies together [kg·m/s], shape (..., 3)."""
    return (state.twist.linear * world.bodies.mass).stack().sum(-2)


def angular_momentum(world: World, state: State) -> jax.Array:
    """Angular momentum of all bodies together about the origin [kg·m²/s], shape (..., 3)."""
    orbital = state.pose.position.cross(state.twist.linear * world.bodies.mass)
    spin = inertia_times(state.pose.rotation, world.bodies.inertia, state.twist.angular)
    return (orbital + spin).stack().sum(-2)


def contact_velocity(state: State, radius: Any = RADIUS) -> Vec3:
    """Velocity of the lowest point of every sphere [m/s]."""
    zero = jnp.zeros_like(state.pose.position.x)
    return state.twist.linear + state.twist.angular.cross(Vec3(zero, zero, zero - radius))


def _split(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of the body, and those of the robot; friction and restitution are the robot's."""
    fields = set(RobotConfig.__dataclass_fields__)
    robot = {key: value for key, value in options.items() if key in fields}
    return {key: value for key, value in options.items() if key not in fields}, robot
