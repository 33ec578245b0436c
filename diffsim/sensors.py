"""Sensors: motion, contacts and time as one vector for a controller."""

from __future__ import annotations

import math
from collections.abc import Iterable

import jax
import jax.numpy as jnp

from diffsim.joints.coordinates import joint_coordinates, joint_rates
from diffsim.joints.joints import joint_frames
from diffsim.joints.table import JOINT_TYPES
from diffsim.math.indexing import column, gather, scatter_add
from diffsim.math.spatial import Motion
from diffsim.math.vectors import Mat3, Vec3
from diffsim.robots.config import CLOCK_SENSORS, COMPONENTS, RobotConfig, SensorConfig
from diffsim.robots.numbers import numbers, stack_vectors, vector
from diffsim.world.world import State, World, part_motion

UNITS = {
    "position": "m",
    "velocity": "m/s",
    "angular_velocity": "rad/s",
    "orientation": "1",
    "contact": "N",
    "distance": "m",
    "time": "s",
    "sine": "1",
    "cosine": "1",
    "goal": "m",
}


class Sensors:
    """The sensors of one robot.

    Attributes:
        names: of all readings in order, e.g. "height.z"; sensors of one number have no suffix.
        units: of all readings.
        clocked: whether any of them changes with time by itself.
        closed: whether any of them depends on the robot's motion; if not, all readings of an
            episode are known before it begins.
    """

    def __init__(self, robot: RobotConfig, world: World) -> None:
        self._robot = robot
        types = {sensor.type for sensor in robot.sensors.values()}
        self.clocked = bool(types & set(CLOCK_SENSORS))
        self.closed = bool(types - {*CLOCK_SENSORS, "goal"})
        readings = [
            (name, component)
            for name, sensor in robot.sensors.items()
            for component in _chosen(robot, sensor)
        ]
        self.names = tuple(f"{n}.{c}" if c else n for n, c in readings)
        self.units = tuple(_unit(robot, robot.sensors[n], c) for n, c in readings)
        # Sensors of one type are read together, those relative to a body apart; the pool has all
        # their components.
        self._alike: dict[tuple[str, bool], list[str]] = {}
        for name, sensor in robot.sensors.items():
            key = (sensor.type, sensor.relative_to is not None)
            self._alike.setdefault(key, []).append(name)
        pool = [
            (name, component)
            for (kind, _), names in self._alike.items()
            if kind not in ("joint_position", "joint_velocity")
            for component in COMPONENTS.get(kind, ("",))
            for name in names
        ]
        self._coordinates: dict[str, list[tuple[int, int]]] = {}
        for kind in ("joint_position", "joint_velocity"):
            self._coordinates[kind] = []
            for name in self._alike.get((kind, False), []):
                joint = str(robot.sensors[name].joint)
                for k, component in enumerate(_all_components(robot, robot.sensors[name])):
                    pool.append((name, component))
                    self._coordinates[kind].append((world.joints.names.index(joint), k))
        place = {reading: k for k, reading in enumerate(pool)}
        self._order = tuple(place[reading] for reading in readings)

    def read(self, world: World, state: State, goal: Vec3 | None = None) -> jax.Array:
        """All readings of a state, shape (readings,).

        Args:
            world, state: of the robot.
            goal: of the episode [m], components of shape (); only read by sensors of that type.
        """
        pool: list[jax.Array] = []
        for (kind, _), names in self._alike.items():
            if kind not in ("joint_position", "joint_velocity"):
                pool += self._read(kind, names, world, state, goal)
        positions, rates = self._coordinates["joint_position"], self._coordinates["joint_velocity"]
        if positions or rates:
            frames = joint_frames(world.joints, state.pose)
        if positions:
            pool.append(joint_coordinates(world.joints, frames, positions, state.angles))
        if rates:
            pool.append(joint_rates(world.joints, frames, state.pose.position, state.twist, rates))
        if not pool:
            return jnp.zeros(0, state.time.dtype)
        return gather(jnp.concatenate(pool), self._order)

    def _read(
        self, kind: str, names: list[str], world: World, state: State, goal: Vec3 | None
    ) -> list[jax.Array]:
        """One array (sensors of the type,) for each component."""
        sensors = [self._robot.sensors[name] for name in names]
        if kind == "contact":
            return [_contact_forces(world, state, [str(sensor.body) for sensor in sensors])]
        if kind in ("time", "sine", "cosine"):
            return [_clock(kind, sensors, state)]
        if kind == "goal":
            assert goal is not None, "this task sets no goals"
            return [jnp.broadcast_to(c, (len(sensors), *c.shape)) for c in goal]
        own = _motion(world, state, (str(sensor.body) for sensor in sensors))
        other = None
        if sensors[0].relative_to is not None:
            other = _motion(world, state, (str(sensor.relative_to) for sensor in sensors))
        if kind == "imu":
            return _imu(world, state, own, [str(sensor.body) for sensor in sensors])
        if kind == "distance":
            return [_distance(own, other, sensors)]
        return _flat(_absolute(kind, own) if other is None else _relative(kind, own, other))


def _all_components(robot: RobotConfig, sensor: SensorConfig) -> tuple[str, ...]:
    """All numbers a sensor could give."""
    if sensor.type in ("joint_position", "joint_velocity"):
        count = JOINT_TYPES[robot.joints[str(sensor.joint)].type].freedoms
        return ("",) if count == 1 else tuple(str(k) for k in range(count))
    return COMPONENTS.get(sensor.type, ("",))


def _chosen(robot: RobotConfig, sensor: SensorConfig) -> tuple[str, ...]:
    """The numbers it does give."""
    if sensor.components is None:
        return _all_components(robot, sensor)
    if sensor.type in ("orientation", "imu"):
        return tuple(sensor.components.split())
    return tuple(sensor.components)


def _unit(robot: RobotConfig, sensor: SensorConfig, component: str) -> str:
    if sensor.type == "imu":
        return "m/s²" if component.startswith("a") else "rad/s"
    if sensor.type in ("joint_position", "joint_velocity"):
        units = JOINT_TYPES[robot.joints[str(sensor.joint)].type].units
        return units[int(component or 0)] + ("/s" if sensor.type == "joint_velocity" else "")
    return UNITS[sensor.type]


def _motion(world: World, state: State, names: Iterable[str]) -> Motion:
    """How the named parts move."""
    index = tuple(world.parts.names.index(name) for name in names)
    return part_motion(world.parts.gather(index), state)


def _clock(kind: str, sensors: list[SensorConfig], state: State) -> jax.Array:
    if kind == "time":
        return jnp.broadcast_to(state.time, (len(sensors), *state.time.shape))
    frequency = numbers([1.0 if s.frequency is None else s.frequency for s in sensors])
    phase = 2.0 * math.pi * column(frequency, state.time[None]) * state.time
    return jnp.sin(phase) if kind == "sine" else jnp.cos(phase)


def _contact_forces(world: World, state: State, bodies: list[str]) -> jax.Array:
    """Mean normal force of the last step on each body, over all its contacts [N]."""
    contacts = world.contacts
    touching = [
        (contact, sensor)
        for contact, ends in enumerate(zip(contacts.geom_a, contacts.geom_b, strict=True))
        for sensor, body in enumerate(bodies)
        if world.parts.names.index(body) in {world.geoms.parts[geom] for geom in ends}
    ]
    force = state.impulses.contact.normal / world.timestep
    found = gather(force, tuple(contact for contact, _ in touching))
    nothing = jnp.zeros((len(bodies), *force.shape[1:]), force.dtype)
    return scatter_add(nothing, tuple(sensor for _, sensor in touching), found)


def _imu(world: World, state: State, own: Motion, names: list[str]) -> list[jax.Array]:
    """Acceleration minus gravity and angular rate, both in the part's frame."""
    carrier = tuple(world.parts.body[world.parts.names.index(name)] for name in names)
    arm = own.pose.position - state.pose.position.gather(carrier)
    omega = own.twist.angular
    inertial = state.acceleration.gather(carrier).at(arm) + omega.cross(omega.cross(arm))
    into = own.pose.rotation.transpose_times
    return [*into(inertial - world.gravity), *into(omega)]


def _distance(own: Motion, other: Motion | None, sensors: list[SensorConfig]) -> jax.Array:
    """Distance to a point or a body [m]; its gradient is zero where the distance is."""
    if other is None:
        fixed = stack_vectors([vector(sensor.target) for sensor in sensors])
        target = Vec3(*(column(component, own.pose.position.x) for component in fixed))
    else:
        target = other.pose.position
    return (own.pose.position - target).length()


def _absolute(kind: str, own: Motion) -> Vec3 | Mat3:
    """Motion of a body in the world frame."""
    found: dict[str, Vec3 | Mat3] = {
        "position": own.pose.position,
        "orientation": own.pose.rotation,
        "velocity": own.twist.linear,
        "angular_velocity": own.twist.angular,
    }
    return found[kind]


def _relative(kind: str, own: Motion, other: Motion) -> Vec3 | Mat3:
    """A body's motion in the frame of another one."""
    into = other.pose.rotation.transpose_times
    if kind == "orientation":
        return Mat3(*(into(column) for column in own.pose.rotation))
    between = own.pose.position - other.pose.position
    if kind == "position":
        return into(between)
    if kind == "angular_velocity":
        return into(own.twist.angular - other.twist.angular)
    return into(own.twist.linear - other.twist.at(between))


def _flat(found: Vec3 | Mat3) -> list[jax.Array]:
    """Components in the order of ``COMPONENTS``: rows before columns."""
    if isinstance(found, Mat3):
        return [column[row] for row in range(3) for column in found]
    return [*found]
