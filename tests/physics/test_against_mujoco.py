"""The same bodies, joints and torques in MuJoCo: the same motion, but for an error of first order.

The reference is MuJoCo with its Runge-Kutta method and torques of the middle of each of its steps,
so that its own error is of second order at most and counts for nothing. Nothing touches anything,
no coordinate is limited, and all motors are torques that vary smoothly. The motions are chosen to
be lively but not chaotic: legs and arms that whip would enlarge any error by orders of magnitude.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
import pytest

from benchmarks.mujoco_model import RUNGE_KUTTA, mujoco_model, start
from diffsim.joints.table import JOINT_TYPES
from diffsim.math.spatial import Motion
from diffsim.robots.build import build_world, initial_state
from diffsim.robots.config import BodyConfig, JointConfig, MotorConfig, RobotConfig
from diffsim.robots.replace import replace
from diffsim.simulate.step import step
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.world.world import Control, State, World, part_motion
from tests.robots_in_package import robot_config
from tests.worlds import DOWN

pytestmark = pytest.mark.usefixtures("float64")

DURATION = 1.0
# The bound that is asked for at this step. Falling freely for 1 s is half of it, by g h / 2.
FINE = 1e-4
POSITION_TOLERANCE = 1e-3
# Steps so small that terms of higher order are a few per cent of the error.
HALVED = (5e-4, 2.5e-4, 1.25e-4)
HALVING = (1.9, 2.1)
# How much halving its own step may change the reference, as a share of the smallest error measured.
REFERENCE_SHARE = 0.05
# Positions of some metres and speeds of some m/s, after some dozen operations.
ROUND_OFF = 1e-13
# Merging bodies that are fixed to each other leaves only terms of second order: steps, and over so
# short a time the difference of positions at the first of them [m].
MERGING = (4e-3, 2e-3, 1e-3)
MERGING_DURATION = 0.2
MERGING_TOLERANCE = 1e-5
QUARTERING = (3.6, 4.4)

# A torque is its own impulse whatever else happens, so one update of its row is enough.
SOLVER = ProjectedGaussSeidel(iterations=1, drift_iterations=0)
FREQUENCY = 3.0  # of the torques [Hz]
AMPLITUDE = 0.5  # as a share of the largest

TURNED = [0.9, 0.1, -0.3, 0.2]
HINGE = {"type": "hinge", "axis": [0.0, 1.0, 0.0]}
BALL = {"type": "ball"}
SLIDER = {"type": "slider", "axis": [1.0, 0.0, 0.3]}
UNIVERSAL = {"type": "universal", "axis": [1.0, 0.0, 0.0], "second_axis": [0.0, 1.0, 0.0]}
SKEW = {
    "orientation": TURNED,
    "parent_offset": [0.02, 0.03, 0.01],
    "child_offset": [0.0, 0.01, 0.02],
}
SKEW_HINGE = {"type": "hinge", "axis": [0.3, 1.0, -0.4], **SKEW}
SKEW_BALL = {"type": "ball", **SKEW}
SKEW_SLIDER = {"type": "slider", "axis": [0.3, 0.8, 0.2], **SKEW}
SKEW_UNIVERSAL = {
    "type": "universal",
    "axis": [0.8, 0.6, 0.0],
    "second_axis": [0.0, 0.0, 1.0],
    **SKEW,
}


def pendulums(*joints: Mapping[str, Any], lengths: Iterable[int] = (1, 2, 3)) -> RobotConfig:
    """Chains of boxes that hang from one point, on the first one, two and three of the joints."""
    robot = RobotConfig(name="pendulums")
    for length in lengths:
        above = "world"
        for k, options in enumerate(joints[:length]):
            name = f"link_{k + 1}_of_{length}"
            robot.bodies[name] = BodyConfig(shape="box", size=[0.1, 0.15, 0.3])
            robot.joints[name] = JointConfig(
                parent=above,
                child=name,
                parent_face=[0.0, 0.0, -1.0],
                child_face=[0.0, 0.0, 1.0],
                **options,
            )
            above = name
    return drive(stir(robot, 0.8, 1.0), robot.joints, 2.0)


def arm() -> RobotConfig:
    """Swings round like a conical pendulum: away from where its yaw axes are of no effect."""
    motion = {
        "shoulder_yaw": (0.3, 4.0),
        "shoulder_pitch": (2.0, -1.0),
        "elbow_yaw": (0.2, 0.7),
        "elbow_pitch": (-0.5, 1.0),
    }
    values = {}
    for name, (position, velocity) in motion.items():
        values[f"joints.{name}.position"] = [position]
        values[f"joints.{name}.velocity"] = [velocity]
    return drive(replace(unbounded(robot_config("arm")), values), motion, 30.0)


def quadruped() -> RobotConfig:
    """Flies and tumbles with bent legs."""
    robot = stir(unbounded(robot_config("quadruped_table1")), 0.5, 1.0)
    legs = [name for name in robot.joints if name.startswith(("shoulder", "elbow"))]
    hinges = [name for name in legs if robot.joints[name].type == "hinge"]
    motion = {
        "bodies.spine.orientation": TURNED,
        "bodies.spine.velocity": [0.5, -0.3, 1.0],
        "bodies.spine.angular_velocity": [0.5, -1.0, 0.75],
        **{f"joints.{name}.position": [1.0] for name in hinges},
    }
    return drive(replace(robot, motion), legs, 0.5)


def unbounded(robot: RobotConfig) -> RobotConfig:
    """A copy without motors, sensors, limits and contacts."""
    values: dict[str, Any] = {"motors": {}, "sensors": {}, "contact_pairs": []}
    for name in robot.bodies:
        values[f"bodies.{name}.ground_contact"] = False
    for name in robot.joints:
        values[f"joints.{name}.lower"] = values[f"joints.{name}.upper"] = None
    return replace(robot, values)


def stir(robot: RobotConfig, position: float, velocity: float) -> RobotConfig:
    """A copy whose coordinates start at other places with other rates, up to these in size."""
    values = {}
    for k, (name, joint) in enumerate(robot.joints.items()):
        number = np.arange(JOINT_TYPES[joint.type].freedoms)
        if number.size:
            at = position * np.cos(1.0 + 2.0 * k + number)
            rate = velocity * np.cos(0.5 + 3.0 * k + 2.0 * number)
            values[f"joints.{name}.position"] = at.tolist()
            values[f"joints.{name}.velocity"] = rate.tolist()
    return replace(robot, values)


def drive(robot: RobotConfig, joints: Iterable[str], largest: float) -> RobotConfig:
    """A copy with a torque motor on every coordinate."""
    motors = {
        f"{name}_{k}": MotorConfig(joint=name, coordinate=k, type="torque", max_force=largest)
        for name in joints
        for k in range(JOINT_TYPES[robot.joints[name].type].freedoms)
    }
    return replace(robot, {"motors": {**robot.motors, **motors}})


ROBOTS: dict[str, Callable[[], RobotConfig]] = {
    "hinges": lambda: pendulums(HINGE, HINGE, HINGE),
    "balls": lambda: pendulums(BALL, BALL, BALL),
    "universals": lambda: pendulums(UNIVERSAL, UNIVERSAL, UNIVERSAL),
    "sliders": lambda: pendulums(SLIDER, HINGE, SKEW_SLIDER),
    "skew": lambda: pendulums(SKEW_UNIVERSAL, SKEW_SLIDER, SKEW_HINGE, SKEW_BALL, lengths=[4]),
    "arm": arm,
    "quadruped_table1": quadruped,
}


COMPILED_FOR_LONG = ("universals", "balls")  # and made of the joints that "skew" has, too


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(robot, marks=[pytest.mark.slow] if robot in COMPILED_FOR_LONG else [])
        for robot in ROBOTS
    ],
)
def name(request: pytest.FixtureRequest) -> str:
    """Of the module's scope, so that all tests of a robot follow each other: it compiles once."""
    return request.param


class Poses(NamedTuple):
    """Of all bodies in the robot's order: centres of mass [m] (bodies, 3), axes (bodies, 3, 3)."""

    position: np.ndarray
    rotation: np.ndarray

    def distances(self, other: Poses) -> np.ndarray:
        """Between the centres of mass [m], and between rotation matrices, shape (2, bodies)."""
        position = np.linalg.norm(self.position - other.position, axis=-1)
        rotation = np.linalg.norm(self.rotation - other.rotation, axis=(-2, -1))
        return np.stack([position, rotation])


def amplitudes(robot: RobotConfig) -> jax.Array:
    """Of the torques of all motors, shape (motors,)."""
    return AMPLITUDE * jnp.array([motor.max_force for motor in robot.motors.values()])


def torques(amplitude: jax.Array, time: jax.Array) -> jax.Array:
    """Each of them with another phase, shape (..., motors) for times of shape (...)."""
    phase = jnp.arange(amplitude.size, dtype=amplitude.dtype)
    return amplitude * jnp.sin(2.0 * jnp.pi * FREQUENCY * time[..., None] + phase)


def poses_of(robot: RobotConfig, data: mujoco.MjData) -> Poses:
    """What MuJoCo says, which has the world as its first body and may order the others."""
    index = [data.body(name).id for name in robot.bodies]
    return Poses(data.xipos[index], data.ximat[index].reshape(-1, 3, 3))


@cache
def reference(name: str, timestep: float) -> Poses:
    """At the end of the motion, by MuJoCo."""
    robot = ROBOTS[name]()
    model = mujoco_model(robot, DOWN, timestep, RUNGE_KUTTA)
    data = start(robot, model)
    middles = (jnp.arange(round(DURATION / timestep)) + 0.5) * timestep
    for command in np.asarray(torques(amplitudes(robot), middles)):
        data.ctrl[:] = command
        mujoco.mj_step(model, data)
    mujoco.mj_forward(model, data)
    return poses_of(robot, data)


@jax.jit
def final(world: World, state: State, amplitude: jax.Array, steps: int) -> Motion:
    """After so many steps; neither their number nor their length is known when this is compiled."""

    def advance(_: int, state: State) -> State:
        return step(world, SOLVER, state, Control(torques(amplitude, state.time)))

    return part_motion(world.parts, jax.lax.fori_loop(0, steps, advance, state))


@cache
def built(name: str, merge_fixed: bool) -> tuple[World, State]:
    """The robot in this engine at the start."""
    robot = ROBOTS[name]()
    world = build_world(robot, DOWN, FINE, merge_fixed=merge_fixed)
    assert not world.contacts.names
    return world, initial_state(robot, world)


def simulate(
    name: str, timestep: float, duration: float = DURATION, merge_fixed: bool = True
) -> Poses:
    """At the end of the motion, by this engine."""
    world, state = built(name, merge_fixed)
    world = dataclasses.replace(world, timestep=jnp.asarray(timestep))
    motion = final(world, state, amplitudes(ROBOTS[name]()), round(duration / timestep))
    return Poses(np.asarray(motion.pose.position.stack()), np.asarray(motion.pose.rotation.stack()))


@cache
def errors(name: str) -> np.ndarray:
    """Of positions and rotations together for all bodies, shape (steps that are halved, 2)."""
    found = [simulate(name, timestep).distances(reference(name, FINE)) for timestep in HALVED]
    return np.linalg.norm(found, axis=-1)


def test_the_start_is_the_same(name: str) -> None:
    robot = ROBOTS[name]()
    world, state = built(name, merge_fixed=True)
    motion = part_motion(world.parts, state)
    data = start(robot, mujoco_model(robot, DOWN, FINE))
    expected = poses_of(robot, data)
    velocity = np.empty(6)
    for k, body in enumerate(robot.bodies):
        index = data.body(body).id
        mujoco.mj_objectVelocity(data.model, data, mujoco.mjtObj.mjOBJ_BODY, index, velocity, False)
        for found, wanted in (
            (motion.pose.position, expected.position[k]),
            (motion.pose.rotation, expected.rotation[k]),
            (motion.twist.angular, velocity[:3]),
            (motion.twist.linear, velocity[3:]),
        ):
            np.testing.assert_allclose(found.stack()[k], wanted, rtol=0.0, atol=ROUND_OFF)


def test_all_bodies_are_within_a_millimetre_after_a_second(name: str) -> None:
    distances, _ = simulate(name, FINE).distances(reference(name, FINE))
    assert distances.max() < POSITION_TOLERANCE


def test_the_error_is_of_first_order(name: str) -> None:
    error = errors(name)
    ratio = error[:-1] / error[1:]
    assert np.all((HALVING[0] < ratio) & (ratio < HALVING[1])), ratio


def test_the_reference_has_converged(name: str) -> None:
    change = reference(name, FINE).distances(reference(name, 2.0 * FINE))
    share = np.linalg.norm(change, axis=-1) / errors(name)[-1]
    assert np.all(share < REFERENCE_SHARE), share


def test_fixed_bodies_move_as_one_whether_merged_or_not() -> None:
    merged, apart = (
        [simulate("quadruped_table1", h, MERGING_DURATION, merge_fixed) for h in MERGING]
        for merge_fixed in (True, False)
    )
    distance = np.array([a.distances(b)[0].max() for a, b in zip(merged, apart, strict=True)])
    assert distance[0] < MERGING_TOLERANCE
    ratio = distance[:-1] / distance[1:]
    assert np.all((QUARTERING[0] < ratio) & (ratio < QUARTERING[1])), ratio
