"""What a robot's YAML file may say. Lengths in metres, z up, angles and their rates in radians."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING

from diffsim.validation import ConfigError, bounded, check_identifier

SHAPES = ("sphere", "box")
SENSOR_TYPES = ("position", "velocity", "angular_velocity", "time")
THRUSTER_TYPES = ("force", "torque")


@dataclass
class BodyConfig:
    """A rigid body: its shape, what it weighs and how it starts.

    Mass follows from shape and density unless ``mass`` is given; the moments of inertia follow
    from shape and mass unless ``inertia`` is given.
    """

    shape: str = bounded(MISSING, choices=SHAPES)
    radius: float | None = bounded(None, above=0)  # [m], of a sphere
    size: list[float] | None = bounded(None, above=0, length=3)  # edges [m], of a box
    density: float = bounded(1000.0, above=0)  # [kg/m³]
    mass: float | None = bounded(None, above=0)  # [kg]
    inertia: list[float] | None = bounded(None, above=0, length=3)  # principal moments [kg·m²]
    position: list[float] = bounded([0.0, 0.0, 0.0], length=3)  # of the centre [m]
    orientation: list[float] = bounded([1.0, 0.0, 0.0, 0.0], length=4)  # quaternion (w, x, y, z)
    velocity: list[float] = bounded([0.0, 0.0, 0.0], length=3)  # at the start [m/s]
    angular_velocity: list[float] = bounded([0.0, 0.0, 0.0], length=3)  # at the start [rad/s]
    ground_contact: bool = True  # spheres only; boxes touch nothing
    friction: float | None = bounded(None, at_least=0)  # the robot's, if null
    restitution: float | None = bounded(None, at_least=0, at_most=1)  # the robot's, if null


@dataclass
class SensorConfig:
    """A measurement offered to the controller, in the world frame."""

    type: str = bounded(MISSING, choices=SENSOR_TYPES)
    body: str | None = None  # which body is measured; none for time


@dataclass
class ThrusterConfig:
    """A force at a body's centre of mass, or a torque, along an axis fixed in the body."""

    body: str = MISSING
    type: str = bounded("force", choices=THRUSTER_TYPES)
    axis: list[float] = bounded([0.0, 0.0, 1.0], length=3)  # made a unit vector
    limit: float = bounded(MISSING, above=0)  # [N] or [N·m]


@dataclass
class RobotConfig:
    """A robot: bodies, what touches what, actuators and sensors, each by name."""

    name: str = MISSING
    bodies: dict[str, BodyConfig] = field(default_factory=dict)
    friction: float = bounded(1.0, at_least=0)  # Coulomb coefficient
    restitution: float = bounded(0.0, at_least=0, at_most=1)
    contact_frequency: float = bounded(30.0, above=0, infinite=True)  # [Hz], .inf for rigid
    contact_damping_ratio: float = bounded(1.0, at_least=0)  # 1 is critical
    contact_pairs: list[list[str]] = field(default_factory=list)  # spheres that may collide
    thrusters: dict[str, ThrusterConfig] = field(default_factory=dict)
    sensors: dict[str, SensorConfig] = field(default_factory=dict)


def check_robot(robot: RobotConfig) -> None:
    """Check what a single field cannot say: shapes have their sizes, references exist.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    if not robot.bodies:
        raise ConfigError(f"robot.bodies must name at least one body (robot '{robot.name}')")
    for group in ("bodies", "thrusters", "sensors"):
        for name in getattr(robot, group):
            check_identifier(name, f"robot.{group}")
    for name, body in robot.bodies.items():
        key = f"robot.bodies.{name}"
        if body.shape == "sphere" and body.radius is None:
            raise ConfigError(f"{key}.radius must be given for a sphere")
        if body.shape == "box" and body.size is None:
            raise ConfigError(f"{key}.size must be given for a box")
        if _is_zero(body.orientation):
            raise ConfigError(f"{key}.orientation must not be zero, got {body.orientation}")
        if body.inertia is not None and _breaks_triangle_inequality(body.inertia):
            raise ConfigError(
                f"{key}.inertia must satisfy the triangle inequality "
                f"(no moment above the sum of the others), got {body.inertia}"
            )
    pairs = set()
    for index, pair in enumerate(robot.contact_pairs):
        key = f"robot.contact_pairs[{index}]"
        if len(pair) != 2 or pair[0] == pair[1]:
            raise ConfigError(f"{key} must name two different bodies, got {pair}")
        for name in pair:
            _check_reference(robot, key, name)
            if robot.bodies[name].shape != "sphere":
                raise ConfigError(f"{key} must name spheres, got '{name}'")
        if frozenset(pair) in pairs:
            raise ConfigError(f"{key} must not repeat a pair, got {pair}")
        pairs.add(frozenset(pair))
    for name, thruster in robot.thrusters.items():
        _check_reference(robot, f"robot.thrusters.{name}.body", thruster.body)
        if _is_zero(thruster.axis):
            raise ConfigError(f"robot.thrusters.{name}.axis must not be zero, got {thruster.axis}")
    for name, sensor in robot.sensors.items():
        key = f"robot.sensors.{name}.body"
        if sensor.type == "time":
            if sensor.body is not None:
                raise ConfigError(f"{key} must be null for a time sensor, got '{sensor.body}'")
        else:
            _check_reference(robot, key, sensor.body)


def _is_known(numbers: list[float]) -> bool:
    """Whether these are plain numbers; traced ones have no value that could be checked."""
    return all(isinstance(number, int | float) for number in numbers)


def _is_zero(vector: list[float]) -> bool:
    return _is_known(vector) and not any(vector)


def _breaks_triangle_inequality(inertia: list[float]) -> bool:
    round_off = 1e-9
    return _is_known(inertia) and 2 * max(inertia) > sum(inertia) * (1 + round_off)


def _check_reference(robot: RobotConfig, key: str, body: str | None) -> None:
    if body not in robot.bodies:
        raise ConfigError(f"{key} must be one of {', '.join(robot.bodies)}, got '{body}'")
