"""Schema of a robot's YAML file. Lengths in metres, z up, angles and their rates in radians.

A robot is a set of bodies, connected by joints. A body that no joint has as its child is free: its
own ``position`` and ``orientation`` place it. Every other body is placed by the joint whose child
it is, so that changing a length moves what hangs on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from omegaconf import MISSING

from diffsim.robots.appearance import CameraConfig, LightConfig, PlaneConfig, TextureConfig
from diffsim.validation import Frozen, bounded

THRUSTER_TYPES = ("force", "torque")
MOTOR_TYPES = ("position", "velocity", "torque")
WORLD_NAME = "world"
"""Name in a joint's ``parent`` for the ground."""


@dataclass
class GeomConfig(Frozen):
    """A surface of a body, with what is inside it: a shape at a place in the body's frame.

    What is null is as the body has it.
    """

    shape: str = MISSING  # one of diffsim.shapes.table.SHAPES
    radius: float | None = bounded(None, above=0)  # [m], of a sphere
    size: list[float] | None = bounded(None, above=0, length=3)  # edges [m], of a box
    parameters: dict[str, float] = field(default_factory=dict)  # of shapes that have their own
    position: list[float] = bounded([0.0, 0.0, 0.0], length=3)  # of its centre [m]
    orientation: list[float] = bounded([1.0, 0.0, 0.0, 0.0], length=4)  # quaternion (w, x, y, z)
    density: float | None = bounded(None, above=0)  # [kg/m³]
    mass: float | None = bounded(None, above=0)  # [kg]
    ground_contact: bool | None = None
    frictionless: bool | None = None
    friction: float | None = bounded(None, at_least=0)
    restitution: float | None = bounded(None, at_least=0, at_most=1)
    contact_stiffness: float | None = bounded(None, above=0)  # [N/m]
    contact_damping: float | None = bounded(None, at_least=0)  # [N·s/m], beside a stiffness
    texture: TextureConfig | None = None


@dataclass
class BodyConfig(Frozen):
    """A rigid body: its surfaces, what it weighs and how it starts.

    ``shape`` is short for one geom at the body's frame. ``geoms`` are any number of them elsewhere;
    a body may have neither, and then needs ``mass`` and ``inertia``. Mass, centre of mass and
    moments of inertia follow from the geoms and their densities, unless they are given.
    """

    shape: str | None = None  # one of diffsim.shapes.table.SHAPES
    radius: float | None = bounded(None, above=0)  # [m], of a sphere
    size: list[float] | None = bounded(None, above=0, length=3)  # edges [m], of a box
    parameters: dict[str, float] = field(default_factory=dict)  # of shapes that have their own
    geoms: dict[str, GeomConfig] = field(default_factory=dict)
    density: float = bounded(1000.0, above=0)  # [kg/m³]
    mass: float | None = bounded(None, above=0)  # [kg]
    # About the centre of mass, in the axes of the body's frame: xx, yy, zz and xy, xz, yz [kg·m²].
    inertia: list[float] | None = bounded(None, above=0, length=3)
    products_of_inertia: list[float] | None = bounded(None, length=3)  # beside inertia
    center_of_mass: list[float] | None = bounded(None, length=3)  # [m], beside inertia
    position: list[float] = bounded([0.0, 0.0, 0.0], length=3)  # of the body's frame [m]
    orientation: list[float] = bounded([1.0, 0.0, 0.0, 0.0], length=4)  # quaternion (w, x, y, z)
    velocity: list[float] = bounded([0.0, 0.0, 0.0], length=3)  # at the start [m/s]
    angular_velocity: list[float] = bounded([0.0, 0.0, 0.0], length=3)  # at the start [rad/s]
    ground_contact: bool = True  # of shapes that can touch planes: spheres, not boxes
    frictionless: bool = False  # its contacts have no tangential rows at all
    friction: float | None = bounded(None, at_least=0)  # the robot's, if null
    restitution: float | None = bounded(None, at_least=0, at_most=1)  # the robot's, if null
    # Of its contacts, instead of the robot's; those of a pair are springs in series.
    contact_stiffness: float | None = bounded(None, above=0)  # [N/m]
    contact_damping: float | None = bounded(None, at_least=0)  # [N·s/m], beside a stiffness
    texture: TextureConfig = field(default_factory=TextureConfig)  # what cameras see of it


@dataclass
class JointConfig(Frozen):
    """Connection of a body to another one or to the world.

    The joint sits at an anchor on either body: ``parent_face`` and ``child_face`` count in half
    extents of the body's shape ([0, 0, -1] is the middle of a box's lower face, or a sphere's
    lowest point), the offsets are added to them in metres. Both are in the body's own frame; of the
    world, only the offset counts. ``axis`` and ``orientation`` are in the parent's frame.
    """

    type: str = MISSING  # one of diffsim.joints.table.JOINT_TYPES
    parent: str = MISSING  # a body, or world
    child: str = MISSING
    axis: list[float] = bounded([0.0, 0.0, 1.0], length=3)  # of types with a first axis
    second_axis: list[float] = bounded([0.0, 1.0, 0.0], length=3)  # of universal, in the child
    parent_face: list[float] = bounded([0.0, 0.0, 0.0], length=3)
    parent_offset: list[float] = bounded([0.0, 0.0, 0.0], length=3)  # [m]
    child_face: list[float] = bounded([0.0, 0.0, 0.0], length=3)
    child_offset: list[float] = bounded([0.0, 0.0, 0.0], length=3)  # [m]
    orientation: list[float] = bounded([1.0, 0.0, 0.0, 0.0], length=4)  # child's, at coordinate 0
    position: list[float] | None = None  # coordinates at the start [rad] or [m]; zero if null
    velocity: list[float] | None = None  # their rates at the start
    # Limits of the coordinates. Several of a ball joint are passed by some h |ω| |φ| [rad]: at 2
    # rad/s, 0.5 rad and a step of 0.01 s by 0.01 rad.
    lower: list[float] | None = bounded(None, infinite=True)
    upper: list[float] | None = bounded(None, infinite=True)
    frequency: float | None = bounded(None, above=0)  # [Hz] of a soft joint; null for a hard one
    # Of a soft joint. Its implicit integration adds some π frequency h: 0.06 at 2 Hz and 0.01 s.
    damping_ratio: float = bounded(1.0, at_least=0)
    closes_loop: bool = False  # the child is placed by another joint; this one ties it down
    parameters: dict[str, float] = field(default_factory=dict)  # of types that have their own


@dataclass
class MotorConfig(Frozen):
    """A motor on one coordinate of a joint.

    ``position``: a servo that turns at gain × (command − coordinate), at most ``max_velocity``.
    ``velocity``: a servo that turns at the commanded velocity. ``torque``: the command is the
    torque, or the force of a slider. None of them exceeds ``max_force``.
    """

    joint: str = MISSING
    coordinate: int = bounded(0, at_least=0)  # which one, of a joint with several
    type: str = bounded("position", choices=MOTOR_TYPES)
    gain: float = bounded(20.0, above=0)  # [1/s] of a position servo; at most 1/dt
    max_force: float | None = bounded(None, above=0)  # [N·m], [N] of a slider; the robot's, if null
    max_velocity: float = bounded(math.inf, above=0, infinite=True)  # [rad/s], [m/s] of a slider
    command_range: list[float] | None = bounded(None, length=2)  # commands are clipped to it


@dataclass
class SensorConfig(Frozen):
    """A measurement offered to the controller.

    Of a body: position [m], velocity [m/s], orientation (the body's axes as nine numbers),
    angular_velocity [rad/s], in the world frame or in that of the body ``relative_to``; imu
    (acceleration minus gravity [m/s²] and angular rate [rad/s], in the body's own frame); contact
    (normal force [N]). Of a joint: its coordinates [rad, m] and their rates. distance [m] of a body
    to a ``target`` point or to the body ``relative_to``. time [s], sine and cosine of a frequency.
    goal: the point [m] that the task sets in each episode.
    """

    type: str = MISSING  # one of diffsim.sensors.table.SENSOR_TYPES
    body: str | None = None  # of the sensors of a body, and distance
    relative_to: str | None = None  # another body; the world if null
    joint: str | None = None  # of joint_position and joint_velocity
    target: list[float] | None = bounded(None, length=3)  # [m], of distance
    frequency: float | None = bounded(None, above=0)  # [Hz], of sine and cosine
    components: str | None = None  # a choice, such as "xz"; all if null
    parameters: dict[str, float] = field(default_factory=dict)  # of types that have their own


@dataclass
class ThrusterConfig(Frozen):
    """A force at a body's centre of mass, or a torque, along an axis fixed in the body."""

    body: str = MISSING
    type: str = bounded("force", choices=THRUSTER_TYPES)
    axis: list[float] = bounded([0.0, 0.0, 1.0], length=3)  # made a unit vector
    limit: float = bounded(MISSING, above=0)  # [N] or [N·m]


@dataclass
class RobotConfig(Frozen):
    """A robot: bodies, joints, what touches what, actuators, sensors, cameras, each by name."""

    name: str = MISSING
    bodies: dict[str, BodyConfig] = field(default_factory=dict)
    joints: dict[str, JointConfig] = field(default_factory=dict)
    motors: dict[str, MotorConfig] = field(default_factory=dict)
    max_force: float | None = bounded(None, above=0)  # of motors that say none themselves
    friction: float = bounded(1.0, at_least=0)  # Coulomb coefficient
    restitution: float = bounded(0.0, at_least=0, at_most=1)
    contact_frequency: float = bounded(30.0, above=0, infinite=True)  # [Hz], .inf for rigid
    contact_damping_ratio: float = bounded(1.0, at_least=0)  # 1 is critical
    # A frequency makes a light body soft, whatever presses on it. Geoms of bodies in contact_pairs,
    # and the ground below them, are stiff enough that the robot's weight and motors press them in
    # by this share of the radius at most: a grip holds. null: as the frequency has it.
    contact_depth: float | None = bounded(0.05, above=0)
    contact_stiffness: float | None = bounded(None, above=0)  # [N/m], instead of a frequency
    contact_damping: float | None = bounded(None, at_least=0)  # [N·s/m]; by the ratio, if null
    # Bodies that may collide, or single geoms of them as body.geom.
    contact_pairs: list[list[str]] = field(default_factory=list)
    thrusters: dict[str, ThrusterConfig] = field(default_factory=dict)
    sensors: dict[str, SensorConfig] = field(default_factory=dict)
    cameras: dict[str, CameraConfig] = field(default_factory=dict)
    # Planes that cameras see, and that geoms touch if solid.
    scenery: dict[str, PlaneConfig] = field(default_factory=dict)
    light: LightConfig = field(default_factory=LightConfig)


def motor_limit(robot: RobotConfig, motor: MotorConfig) -> float:
    """The largest force [N] or torque [N·m] of a motor of a checked robot."""
    limit = robot.max_force if motor.max_force is None else motor.max_force
    assert limit is not None
    return limit
