"""Checks of a robot's data beyond the range of each number: names, shapes, joints, sensors.

Any number may be a traced array; it then has no value that could be checked, and passes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from diffsim.robots.check_appearance import check_appearance
from diffsim.robots.check_values import (
    check_direction,
    check_parameters,
    check_reference,
    is_known,
)
from diffsim.robots.config import (
    WORLD_NAME,
    BodyConfig,
    GeomConfig,
    JointConfig,
    MotorConfig,
    RobotConfig,
    SensorConfig,
)
from diffsim.validation import ConfigError, check_identifier

PERPENDICULAR = 1e-6
"""Largest cosine of an angle that is meant to be right; numbers in files are rounded."""

PLACEMENT = ("position", "orientation", "velocity", "angular_velocity")
ANCHORS = ("parent_face", "parent_offset", "child_face", "child_offset")

SENSOR_REFERENCES = ("body", "relative_to", "joint", "target", "frequency")
"""Keys of a sensor that only some types use."""


def check_robot(robot: RobotConfig) -> None:
    """Check what a single field cannot say: shapes have their sizes, references exist.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    if not robot.bodies:
        raise ConfigError(f"robot.bodies must name at least one body (robot '{robot.name}')")
    for group in ("bodies", "joints", "motors", "thrusters", "cameras", "scenery"):
        for name in getattr(robot, group):
            check_identifier(name, f"robot.{group}")
    for name, body in robot.bodies.items():
        _check_body(f"robot.bodies.{name}", body)
    for name, joint in robot.joints.items():
        _check_joint(robot, f"robot.joints.{name}", joint)
    _check_tree(robot)
    _check_contact_pairs(robot)
    for name, motor in robot.motors.items():
        _check_motor(robot, f"robot.motors.{name}", motor)
    _check_driven_once(robot)
    for name, thruster in robot.thrusters.items():
        check_reference(f"robot.thrusters.{name}.body", thruster.body, robot.bodies)
        check_direction(f"robot.thrusters.{name}.axis", thruster.axis)
    check_appearance(robot)
    check_sensors(robot, robot.sensors, "robot.sensors")
    for name, sensor in robot.sensors.items():
        if reads_goal(sensor):
            raise ConfigError(
                f"robot.sensors.{name}.type must not be {sensor.type}: goals are set by tasks, "
                "whose sensors are in task.sensors"
            )


def check_sensors(robot: RobotConfig, sensors: Mapping[str, SensorConfig], key: str) -> None:
    """Check that sensors measure what a robot has.

    Raises:
        ConfigError: naming the key, the value and what is allowed.
    """
    for name, sensor in sensors.items():
        check_identifier(name, key)
        _check_sensor(robot, f"{key}.{name}", sensor)


def _check_body(key: str, body: BodyConfig) -> None:
    if body.shape is not None:
        _check_shape(key, body)
    else:
        for field in ("radius", "size", "parameters"):
            if value := getattr(body, field):
                raise ConfigError(f"{key}.{field} must be left out without shape, got {value}")
    for name, geom in body.geoms.items():
        check_identifier(name, f"{key}.geoms")
        _check_shape(f"{key}.geoms.{name}", geom)
        check_direction(f"{key}.geoms.{name}.orientation", geom.orientation)
        _check_friction(f"{key}.geoms.{name}", geom)
    _check_mass(key, body)
    check_direction(f"{key}.orientation", body.orientation)
    _check_friction(key, body)


def _check_mass(key: str, body: BodyConfig) -> None:
    """Mass and inertia are given, or follow from geoms."""
    if body.shape is None and not body.geoms:
        for field in ("mass", "inertia"):
            if getattr(body, field) is None:
                raise ConfigError(f"{key}.{field} must be given for a body without shape or geoms")
    if body.inertia is None:
        for field in ("products_of_inertia", "center_of_mass"):
            if (value := getattr(body, field)) is not None:
                raise ConfigError(f"{key}.inertia must be given beside {field}, got {value}")
    elif _is_no_inertia(body.inertia, body.products_of_inertia or [0.0, 0.0, 0.0]):
        given = "" if body.products_of_inertia is None else f" and {body.products_of_inertia}"
        raise ConfigError(
            f"{key}.inertia must satisfy the triangle inequality "
            f"(no principal moment above the sum of the others), got {body.inertia}{given}"
        )


def _check_shape(key: str, thing: BodyConfig | GeomConfig) -> None:
    """The shape exists, and has its numbers."""
    # Loads JAX, which a command that only shows its config does not need.
    from diffsim.shapes.table import SHAPES

    name = str(thing.shape)
    if name not in SHAPES or not SHAPES[name].solid:
        check_reference(f"{key}.shape", name, [known for known in SHAPES if SHAPES[known].solid])
    shape = SHAPES[name]
    for field in shape.needs:
        if getattr(thing, field) is None:
            raise ConfigError(f"{key}.{field} must be given for a {thing.shape}")
    check_parameters(key, thing.parameters, shape.parameters, f"a {thing.shape}")


def _check_friction(key: str, thing: BodyConfig | GeomConfig) -> None:
    if thing.frictionless and thing.friction is not None:
        raise ConfigError(
            f"{key}.friction must be null where frictionless is true, got {thing.friction}"
        )


def _check_joint(robot: RobotConfig, key: str, joint: JointConfig) -> None:
    # Loads JAX, which a robot without joints can be checked without.
    from diffsim.joints.table import JOINT_TYPES

    check_reference(f"{key}.type", joint.type, JOINT_TYPES)
    check_reference(f"{key}.parent", joint.parent, (WORLD_NAME, *robot.bodies))
    check_reference(f"{key}.child", joint.child, robot.bodies)
    if joint.child == joint.parent:
        raise ConfigError(f"{key}.child must be another body than the parent, got '{joint.child}'")
    check_direction(f"{key}.axis", joint.axis)
    check_direction(f"{key}.second_axis", joint.second_axis)
    check_direction(f"{key}.orientation", joint.orientation)
    if JOINT_TYPES[joint.type].given_axes > 1 and not _are_perpendicular(
        joint.axis, joint.second_axis
    ):
        raise ConfigError(
            f"{key}.second_axis must be perpendicular to axis {joint.axis}, got {joint.second_axis}"
        )
    for field, body in (("parent_face", joint.parent), ("child_face", joint.child)):
        face = getattr(joint, field)
        if body != WORLD_NAME and robot.bodies[body].shape is None and _differs(face, [0, 0, 0]):
            raise ConfigError(
                f"{key}.{field} must be [0, 0, 0] for a body without shape, got {face}"
            )
    known = JOINT_TYPES[joint.type].parameters
    check_parameters(key, joint.parameters, known, f"a {joint.type} joint")
    if joint.type == "free":
        _check_free_joint(key, joint)
    _check_coordinates(key, joint)


def _check_free_joint(key: str, joint: JointConfig) -> None:
    """Check that a free joint says nothing else."""
    if joint.parent != WORLD_NAME:
        raise ConfigError(
            f"{key}.parent must be {WORLD_NAME} for a free joint, got '{joint.parent}'"
        )
    if joint.closes_loop:
        raise ConfigError(f"{key}.closes_loop must be false for a free joint, got true")
    default = JointConfig()
    for field in (*ANCHORS, "orientation"):
        if _differs(value := getattr(joint, field), getattr(default, field)):
            raise ConfigError(
                f"{key}.{field} must not be given for a free joint, which leaves its child where "
                f"the body's own position is; got {value}"
            )


def _check_coordinates(key: str, joint: JointConfig) -> None:
    """Start and limits: as many numbers as coordinates, in an order that makes sense."""
    count = coordinate_count(joint)
    for field in ("position", "velocity", "lower", "upper"):
        values = getattr(joint, field)
        if values is not None and count == 0:
            raise ConfigError(f"{key}.{field} must be null for a {joint.type} joint, got {values}")
        if values is not None and len(values) != count:
            raise ConfigError(
                f"{key}.{field} must have {_numbers(count)} for a {joint.type} joint, got {values}"
            )
    for field in ("position", "velocity"):
        if joint.closes_loop and (values := getattr(joint, field)) is not None:
            raise ConfigError(
                f"{key}.{field} must be null for a joint that closes a loop (the other joints say "
                f"where its bodies are), got {values}"
            )
    for k in range(count):
        low = -math.inf if joint.lower is None else joint.lower[k]
        high = math.inf if joint.upper is None else joint.upper[k]
        if is_known([low, high]) and not low < high:
            raise ConfigError(f"{key}.lower[{k}] must be less than upper[{k}] ({high}), got {low}")
        start = 0.0 if joint.position is None else joint.position[k]
        if not joint.closes_loop and is_known([low, high, start]) and not low <= start <= high:
            what = "position (zero if null)" if joint.position is None else f"position[{k}]"
            raise ConfigError(f"{key}.{what} must be within {low} and {high}, got {start}")


def _check_tree(robot: RobotConfig) -> None:
    """Every body is placed by one joint at most, starting from roots, and not by itself as well."""
    holder: dict[str, str] = {}
    for name, joint in robot.joints.items():
        if joint.closes_loop:
            continue
        if joint.child in holder:
            raise ConfigError(
                f"robot.joints.{name}.child must not be the child of another joint, unless one of "
                f"them says closes_loop: true (free ones cannot); got '{joint.child}', the child "
                f"of '{holder[joint.child]}'"
            )
        holder[joint.child] = name
    carrier = {body: name for body, name in holder.items() if robot.joints[name].type != "free"}
    _check_roots(robot, carrier)
    default = BodyConfig()
    for body, name in carrier.items():
        for field in PLACEMENT:
            value = getattr(robot.bodies[body], field)
            if _differs(value, getattr(default, field)):
                raise ConfigError(
                    f"robot.bodies.{body}.{field} must not be given, as joint '{name}' places the "
                    f"body; got {value}"
                )


def _check_roots(robot: RobotConfig, carrier: dict[str, str]) -> None:
    """Going from child to parent must come to an end."""
    rooted = {WORLD_NAME}
    for start in robot.bodies:
        path: list[str] = []
        body = start
        while body not in rooted and body not in path and body in carrier:
            path.append(body)
            body = robot.joints[carrier[body]].parent
        if body in path:
            ring = path[path.index(body) :][::-1]  # parents before children
            joints = ", ".join(carrier[member] for member in ring)
            raise ConfigError(
                f"robot.joints must leave a body to start from, but {joints} make a ring "
                f"({' -> '.join([ring[-1], *ring])}); one of them must say closes_loop: true"
            )
        rooted.update(path, [body])


def _check_contact_pairs(robot: RobotConfig) -> None:
    if not robot.contact_pairs:
        return
    from diffsim.collisions.table import pair_of
    from diffsim.robots.geoms import named_geoms

    found: set[frozenset[str]] = set()
    for index, pair in enumerate(robot.contact_pairs):
        key = f"robot.contact_pairs[{index}]"
        if len(pair) != 2 or pair[0].partition(".")[0] == pair[1].partition(".")[0]:
            raise ConfigError(f"{key} must name two different bodies, got {pair}")
        for name in pair:
            if not named_geoms(robot, name):
                geoms = [
                    f"{body}.{geom}" for body, own in robot.bodies.items() for geom in own.geoms
                ]
                check_reference(key, name, [*robot.bodies, *geoms])
                raise ConfigError(f"{key} must name bodies that have geoms, got '{name}'")
        shapes = [_shapes(robot, name) for name in pair]
        if not any(pair_of(a, b) for a in shapes[0] for b in shapes[1]):
            what = " and ".join(", ".join(sorted(own)) for own in shapes)
            raise ConfigError(f"{key} must name bodies whose shapes can touch, got {pair}: {what}")
        first, second = (named_geoms(robot, name) for name in pair)
        geoms_of_pair = {frozenset((a, b)) for a in first for b in second}
        if geoms_of_pair & found:
            raise ConfigError(f"{key} must not repeat a pair, got {pair}")
        found |= geoms_of_pair


def _shapes(robot: RobotConfig, name: str) -> set[str]:
    """Shapes of the geoms that a name in ``contact_pairs`` stands for."""
    from diffsim.robots.geoms import geom_configs

    part, _, own = name.partition(".")
    geoms = geom_configs(robot.bodies[part])
    return {geom.shape for key, geom in geoms.items() if not own or key == own}


def _check_motor(robot: RobotConfig, key: str, motor: MotorConfig) -> None:
    check_reference(f"{key}.joint", motor.joint, robot.joints)
    joint = robot.joints[motor.joint]
    if joint.closes_loop:
        raise ConfigError(f"{key}.joint must not be one that closes a loop, got '{motor.joint}'")
    count = coordinate_count(joint)
    if count == 0:
        raise ConfigError(
            f"{key}.joint must have a coordinate, a {joint.type} one has none; got '{motor.joint}'"
        )
    if motor.coordinate >= count:
        raise ConfigError(
            f"{key}.coordinate must be < {count} for a {joint.type} joint, got {motor.coordinate}"
        )
    if motor.max_force is None and robot.max_force is None:
        raise ConfigError(f"{key}.max_force must be given, or robot.max_force for all motors")
    if motor.command_range is not None:
        low, high = motor.command_range
        if is_known([low, high]) and not low < high:
            raise ConfigError(f"{key}.command_range must increase, got {motor.command_range}")
    default = MotorConfig()
    for field, users in (("gain", ("position",)), ("max_velocity", ("position", "velocity"))):
        value = getattr(motor, field)
        if motor.type not in users and _differs([value], [getattr(default, field)]):
            raise ConfigError(
                f"{key}.{field} must not be given for a motor of type {motor.type}, got {value}"
            )


def _check_driven_once(robot: RobotConfig) -> None:
    driven: dict[tuple[str, int], str] = {}
    for name, motor in robot.motors.items():
        coordinate = (motor.joint, motor.coordinate)
        if coordinate in driven:
            raise ConfigError(
                f"robot.motors.{name}.coordinate must not be that of another motor, got "
                f"{motor.coordinate} of joint '{motor.joint}', which '{driven[coordinate]}' drives"
            )
        driven[coordinate] = name


def _check_sensor(robot: RobotConfig, key: str, sensor: SensorConfig) -> None:
    # Loads JAX, which a robot without sensors can be checked without.
    from diffsim.sensors.table import SENSOR_TYPES

    check_reference(f"{key}.type", sensor.type, SENSOR_TYPES)
    kind = SENSOR_TYPES[sensor.type]
    for field in SENSOR_REFERENCES:
        value = getattr(sensor, field)
        if field not in kind.uses and value is not None:
            _refuse(f"{key}.{field}", sensor.type, value)
    if "body" in kind.uses:
        check_reference(f"{key}.body", sensor.body, robot.bodies)
    if sensor.relative_to is not None:
        check_reference(f"{key}.relative_to", sensor.relative_to, robot.bodies)
        if sensor.relative_to == sensor.body:
            raise ConfigError(f"{key}.relative_to must be another body, got '{sensor.body}'")
    if "joint" in kind.uses:
        check_reference(f"{key}.joint", sensor.joint, robot.joints)
    check_parameters(key, sensor.parameters, kind.parameters, f"a {sensor.type} sensor")
    kind.check(robot, sensor, key)
    if sensor.components is not None:
        components = kind.components_of(robot, sensor)
        if len(components) == 1:
            _refuse(f"{key}.components", sensor.type, sensor.components)
        _check_components(f"{key}.components", sensor.components, components)


def _refuse(key: str, sensor_type: str, value: Any) -> None:
    shown = f"'{value}'" if isinstance(value, str) else value
    raise ConfigError(f"{key} must be null for a {sensor_type} sensor, got {shown}")


def _check_components(key: str, text: str, known: Iterable[str]) -> None:
    chosen = split_components(text, known)
    if not chosen or len(set(chosen)) != len(chosen) or not set(chosen) <= set(known):
        are_letters = chosen == [*text]
        what = "letters out of" if are_letters else "names, with spaces between them, out of"
        raise ConfigError(f"{key} must be different {what} {' '.join(known)}, got '{text}'")


def split_components(text: str, known: Iterable[str]) -> list[str]:
    """Names of components from a choice such as "zx", or "ax wz" where names are longer."""
    return [*text] if all(len(component) == 1 for component in known) else text.split()


def reads_goal(sensor: SensorConfig) -> bool:
    """True if a sensor reads the goal that a task sets."""
    from diffsim.sensors.table import SENSOR_TYPES

    return SENSOR_TYPES[sensor.type].needs_goal


def coordinate_count(joint: JointConfig) -> int:
    """Number of coordinates to drive, limit or measure."""
    from diffsim.joints.table import JOINT_TYPES

    return 0 if joint.type == "free" else JOINT_TYPES[joint.type].freedoms


def _numbers(count: int) -> str:
    return "1 number" if count == 1 else f"{count} numbers"


def _differs(numbers: Sequence[Any], default: Sequence[float]) -> bool:
    return is_known(numbers) and [*numbers] != [*default]


def _are_perpendicular(a: Sequence[Any], b: Sequence[Any]) -> bool:
    if not (is_known(a) and is_known(b)):
        return True
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return abs(dot) <= PERPENDICULAR * math.hypot(*a) * math.hypot(*b)


def _is_no_inertia(moments: Sequence[Any], products: Sequence[Any]) -> bool:
    """True if no body can have these moments and products of inertia."""
    round_off = 1e-9
    if not is_known([*moments, *products]):
        return False
    if any(products):
        import numpy as np

        (xx, yy, zz), (xy, xz, yz) = moments, products
        moments = np.linalg.eigvalsh([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]).tolist()
    return min(moments) <= 0.0 or 2 * max(moments) > sum(moments) * (1 + round_off)
