"""A robot in MuJoCo, from its data alone: a second reading of what ``RobotConfig`` means.

Masses, inertia, anchors and starts are worked out here once more, with MuJoCo's own quaternions and
nothing of ``diffsim.robots.build`` and what it uses. What the two engines agree on is then not an
error that they share. There are no contacts, damping, armature and limits, and no soft joints and
closed loops.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np
from numpy.typing import ArrayLike

from diffsim.robots.config import WORLD_NAME, BodyConfig, JointConfig, RobotConfig

COORDINATES = {"fixed": 0, "hinge": 1, "slider": 1, "universal": 2, "ball": 3}
EULER = mujoco.mjtIntegrator.mjINT_EULER
RUNGE_KUTTA = mujoco.mjtIntegrator.mjINT_RK4


def mujoco_model(
    robot: RobotConfig,
    gravity: Sequence[float],
    timestep: float,
    integrator: mujoco.mjtIntegrator = EULER,
) -> mujoco.MjModel:
    """The robot's bodies and joints, and one actuator for each of its motors, in their order.

    The controls are torques [N·m] and forces [N].

    Raises:
        ValueError: if the robot has what is not modelled here.
    """
    spec = mujoco_spec(robot, gravity, timestep, integrator)
    for name, motor in robot.motors.items():
        if motor.type != "torque":
            raise ValueError(f"only torque motors are modelled, got '{motor.type}' ('{name}')")
        add_actuator(spec, robot, name)
    return spec.compile()


def mujoco_spec(
    robot: RobotConfig,
    gravity: Sequence[float],
    timestep: float,
    integrator: mujoco.mjtIntegrator = EULER,
) -> mujoco.MjSpec:
    """The robot's bodies and joints, to which more may be added.

    A body's frame is at its centre of mass along its shape's axes. Roots have a free joint without
    a name; a ball joint has the name that it has in the robot, other joints that of each coordinate
    (``coordinate_name``).

    Raises:
        ValueError: if the robot has what is not modelled here.
    """
    spec = mujoco.MjSpec()
    spec.option.gravity = gravity
    spec.option.timestep = timestep
    spec.option.integrator = integrator
    carriers = _carriers(robot)
    added = {WORLD_NAME: spec.worldbody}

    def add(name: str) -> mujoco.MjsBody:
        if name in added:
            return added[name]
        body = robot.bodies[name]
        mass, inertia = mass_and_inertia(body)
        inertial = {"mass": mass, "inertia": inertia, "ipos": [0.0] * 3, "explicitinertial": True}
        if name in carriers:
            joint_name = carriers[name]
            joint = robot.joints[joint_name]
            position = _parent_anchor(robot, joint) - _rotate(
                joint.orientation, _child_anchor(robot, joint)
            )
            quat = _unit(joint.orientation)
            child = add(joint.parent).add_body(name=name, pos=position, quat=quat, **inertial)
            _add_joint(child, robot, joint_name)
        else:
            child = spec.worldbody.add_body(
                name=name, pos=body.position, quat=_unit(body.orientation), **inertial
            )
            child.add_freejoint()
        added[name] = child
        return child

    for name in robot.bodies:
        add(name)
    return spec


def add_actuator(spec: mujoco.MjSpec, robot: RobotConfig, name: str) -> mujoco.MjsActuator:
    """Add an actuator where a motor acts; as it is, its control is a force or torque."""
    motor = robot.motors[name]
    joint = robot.joints[motor.joint]
    gear = np.zeros(6)
    if joint.type == "ball":  # about an axis of the parent: MuJoCo's is turned with the child
        gear[:3] = _rotate(_inverse(joint.orientation), np.eye(3)[motor.coordinate])
        target, kind = motor.joint, mujoco.mjtTrn.mjTRN_JOINTINPARENT
    else:
        gear[0] = 1.0
        target = coordinate_name(motor.joint, motor.coordinate)
        kind = mujoco.mjtTrn.mjTRN_JOINT
    return spec.add_actuator(name=name, target=target, trntype=kind, gear=gear)


def start(robot: RobotConfig, model: mujoco.MjModel) -> mujoco.MjData:
    """The robot at the start, with everything that follows from the coordinates and their rates."""
    data = mujoco.MjData(model)
    carriers = _carriers(robot)
    for name, body in robot.bodies.items():
        if name in carriers:
            continue
        first = model.body(name).dofadr[0]  # the model has the pose already
        data.qvel[first : first + 3] = body.velocity
        data.qvel[first + 3 : first + 6] = _rotate(
            _inverse(body.orientation), body.angular_velocity
        )
    for name in carriers.values():
        joint = robot.joints[name]
        count = COORDINATES[joint.type]
        position = [0.0] * count if joint.position is None else joint.position
        velocity = [0.0] * count if joint.velocity is None else joint.velocity
        if joint.type == "ball":
            _start_ball(data.joint(name), joint, position, velocity)
        else:
            for k in range(count):
                entry = data.joint(coordinate_name(name, k))
                entry.qpos[0], entry.qvel[0] = position[k], velocity[k]
    mujoco.mj_forward(model, data)
    return data


def coordinate_name(joint: str, coordinate: int) -> str:
    """The name of the joint in MuJoCo that is one coordinate of a robot's joint."""
    return f"{joint}/{coordinate}"


def mass_and_inertia(body: BodyConfig) -> tuple[float, np.ndarray]:
    """Mass [kg] and principal moments [kg·m²] of a homogeneous ball or box, or those given."""
    if body.shape == "sphere":
        assert body.radius is not None
        volume = 4.0 / 3.0 * math.pi * body.radius**3
        squares = np.full(3, 0.4 * body.radius**2)
    else:
        assert body.size is not None
        x, y, z = body.size
        volume = x * y * z
        squares = np.array([y * y + z * z, z * z + x * x, x * x + y * y]) / 12.0
    mass = body.density * volume if body.mass is None else body.mass
    return mass, mass * squares if body.inertia is None else np.asarray(body.inertia)


def _carriers(robot: RobotConfig) -> dict[str, str]:
    """The joint that places each body, by the body; roots have none."""
    for name, joint in robot.joints.items():
        if joint.closes_loop or joint.frequency is not None:
            raise ValueError(f"loops and soft joints are not modelled (joint '{name}')")
    return {joint.child: name for name, joint in robot.joints.items() if joint.type != "free"}


def _add_joint(child: mujoco.MjsBody, robot: RobotConfig, name: str) -> None:
    """Add what MuJoCo has for a joint; its anchor and axes are in the child's frame."""
    joint = robot.joints[name]
    anchor = _child_anchor(robot, joint)
    if joint.type == "ball":
        child.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_BALL, pos=anchor)
        return
    slides = joint.type == "slider"
    kind = mujoco.mjtJoint.mjJNT_SLIDE if slides else mujoco.mjtJoint.mjJNT_HINGE
    for k, axis in enumerate([joint.axis, joint.second_axis][: COORDINATES[joint.type]]):
        local = _rotate(_inverse(joint.orientation), axis)
        child.add_joint(name=coordinate_name(name, k), type=kind, pos=anchor, axis=local)


def _start_ball(
    entry: Any, joint: JointConfig, position: Sequence[float], velocity: Sequence[float]
) -> None:
    """Set the start of a ball joint; its coordinates are in the parent's axes."""
    to_zero = _inverse(joint.orientation)
    turned = _from_rotation_vector(_rotate(to_zero, position))
    entry.qpos[:] = turned
    entry.qvel[:] = _rotate(_inverse(turned), _rotate(to_zero, velocity))


def _parent_anchor(robot: RobotConfig, joint: JointConfig) -> np.ndarray:
    half = 0.0 if joint.parent == WORLD_NAME else _half_extents(robot.bodies[joint.parent])
    return half * np.asarray(joint.parent_face) + np.asarray(joint.parent_offset)


def _child_anchor(robot: RobotConfig, joint: JointConfig) -> np.ndarray:
    half = _half_extents(robot.bodies[joint.child])
    return half * np.asarray(joint.child_face) + np.asarray(joint.child_offset)


def _half_extents(body: BodyConfig) -> np.ndarray:
    return np.full(3, body.radius) if body.shape == "sphere" else np.asarray(body.size) / 2.0


def _unit(quaternion: ArrayLike) -> np.ndarray:
    found = np.array(quaternion, float)
    mujoco.mju_normalize4(found)
    return found


def _inverse(quaternion: ArrayLike) -> np.ndarray:
    found = np.empty(4)
    mujoco.mju_negQuat(found, _unit(quaternion))
    return found


def _rotate(quaternion: ArrayLike, vector: ArrayLike) -> np.ndarray:
    found = np.empty(3)
    mujoco.mju_rotVecQuat(found, np.array(vector, float), _unit(quaternion))
    return found


def _from_rotation_vector(vector: ArrayLike) -> np.ndarray:
    found, axis = np.empty(4), np.array(vector, float)
    angle = mujoco.mju_normalize3(axis)
    mujoco.mju_axisAngle2Quat(found, axis, angle)
    return found
