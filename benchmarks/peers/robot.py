"""The benchmark's robot as a MuJoCo model with a floor and servos."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np

from benchmarks.mujoco_model import add_actuator, mujoco_spec
from benchmarks.peers.task import CONVERGED
from diffsim.robots.config import RobotConfig, motor_limit

DAMPING = 1.0
"""Of the servos [N·m·s/rad]. Ours hold a velocity exactly, up to their torque; MuJoCo's are springs
with dampers, here of gain × DAMPING, so that the ratio, the gain in 1/s, is that of the robot."""


def save_robot(robot: RobotConfig, gravity: list[float], timestep: float, file: Path) -> None:
    """Write the robot as a compiled MuJoCo model (MJB).

    Contacts are those of the robot's spheres with the floor, with pyramidal friction cones, their
    softness MuJoCo's default; damping is integrated implicitly, which these servos need.
    """
    spec = mujoco_spec(robot, gravity, timestep, mujoco.mjtIntegrator.mjINT_IMPLICITFAST)
    spec.option.iterations = CONVERGED
    spec.option.cone = mujoco.mjtCone.mjCONE_PYRAMIDAL
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0.0, 0.0, 1.0],
        contype=0,
        conaffinity=1,
        friction=[0.0, 0.0, 0.0],
    )
    for name, body in robot.bodies.items():
        if body.shape == "sphere" and body.ground_contact:
            friction = robot.friction if body.friction is None else body.friction
            spec.body(name).add_geom(
                type=mujoco.mjtGeom.mjGEOM_SPHERE,
                size=[body.radius, 0.0, 0.0],
                contype=1,
                conaffinity=0,
                condim=1 if body.frictionless else 3,
                friction=[friction, 0.0, 0.0],
            )
    for name, motor in robot.motors.items():
        servo = add_actuator(spec, robot, name)
        stiffness = motor.gain * DAMPING
        servo.gaintype = mujoco.mjtGain.mjGAIN_FIXED
        servo.biastype = mujoco.mjtBias.mjBIAS_AFFINE
        servo.gainprm[0] = stiffness
        servo.biasprm[:3] = np.array([0.0, -stiffness, -DAMPING])
        servo.forcelimited = True
        limit = motor_limit(robot, motor)
        servo.forcerange = np.array([-limit, limit])
        if motor.command_range is not None:
            servo.ctrllimited = True
            servo.ctrlrange = np.asarray(motor.command_range)
    mujoco.mj_saveModel(spec.compile(), str(file))
