"""From a robot's data to the engine's world and initial state.

Both functions are pure and traceable: any number in the ``RobotConfig`` may be a traced array, so
the derivative with respect to a radius, say, includes what follows from it (mass and inertia).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.engine import shapes
from diffsim.engine.bodies import Bodies
from diffsim.engine.contacts import ContactImpulse, Contacts
from diffsim.engine.indexing import WORLD
from diffsim.engine.motors import Thrusters
from diffsim.engine.vectors import Mat3, Vec3
from diffsim.engine.world import State, World
from diffsim.robots.config import BodyConfig, RobotConfig, check_robot
from diffsim.validation import check


def build_world(robot: RobotConfig, gravity: Any, timestep: Any) -> World:
    """The world of a robot.

    Args:
        robot: numbers in it may be traced; those that are not are checked.
        gravity: three numbers [m/s²].
        timestep: [s].

    Raises:
        ConfigError: if the robot is not one that can be built.
    """
    check(robot, "robot")
    check_robot(robot)
    return World(
        bodies=_bodies(robot),
        contacts=_contacts(robot),
        thrusters=_thrusters(robot),
        gravity=_vector([gravity], ()),
        timestep=_number(timestep),
    )


def initial_state(robot: RobotConfig) -> State:
    """Bodies as the config places them, no impulses yet."""
    bodies = robot.bodies.values()
    contacts = len(_contact_list(robot))
    zero = jnp.zeros(contacts, _dtype())
    return State(
        position=_vector([b.position for b in bodies]),
        rotation=_rotation([b.orientation for b in bodies]),
        velocity=_vector([b.velocity for b in bodies]),
        angular_velocity=_vector([b.angular_velocity for b in bodies]),
        contact_impulse=ContactImpulse(zero, zero, zero),
        time=_number(0.0),
    )


def _bodies(robot: RobotConfig) -> Bodies:
    mass_and_inertia = [_mass_and_inertia(body) for body in robot.bodies.values()]
    inertia = [inertia for _, inertia in mass_and_inertia]
    return Bodies(
        names=tuple(robot.bodies),
        mass=_numbers([mass for mass, _ in mass_and_inertia]),
        principal_inertia=Vec3(
            _numbers([i.x for i in inertia]),
            _numbers([i.y for i in inertia]),
            _numbers([i.z for i in inertia]),
        ),
    )


def _mass_and_inertia(body: BodyConfig) -> tuple[Any, Vec3]:
    if body.shape == "sphere":
        volume: Any = shapes.sphere_volume(_number(body.radius))
    else:
        assert body.size is not None
        size = Vec3(*(_number(body.size[k]) for k in range(3)))
        volume = shapes.box_volume(size)
    mass = _number(body.mass) if body.mass is not None else _number(body.density) * volume
    if body.inertia is not None:
        return mass, Vec3(*(_number(body.inertia[k]) for k in range(3)))
    if body.shape == "sphere":
        return mass, shapes.sphere_inertia(mass, _number(body.radius))
    return mass, shapes.box_inertia(mass, size)


@dataclasses.dataclass(frozen=True)
class _Contact:
    """One contact before it is given its place among the colors."""

    name: str
    a: int
    b: int
    radius_a: Any
    radius_b: Any
    friction: Any
    restitution: Any


def _contact_list(robot: RobotConfig) -> list[_Contact]:
    names = list(robot.bodies)

    def friction(body: BodyConfig) -> Any:
        return robot.friction if body.friction is None else body.friction

    def restitution(body: BodyConfig) -> Any:
        return robot.restitution if body.restitution is None else body.restitution

    found = [
        _Contact(f"{name}/ground", k, WORLD, body.radius, 0.0, friction(body), restitution(body))
        for k, (name, body) in enumerate(robot.bodies.items())
        if body.shape == "sphere" and body.ground_contact
    ]
    for first, second in robot.contact_pairs:
        a, b = robot.bodies[first], robot.bodies[second]
        found.append(
            _Contact(
                f"{first}/{second}",
                names.index(first),
                names.index(second),
                a.radius,
                b.radius,
                0.5 * (_number(friction(a)) + _number(friction(b))),
                0.5 * (_number(restitution(a)) + _number(restitution(b))),
            )
        )
    return found


def _contacts(robot: RobotConfig) -> Contacts:
    colored = _color(_contact_list(robot))
    ordered = [contact for color in colored for contact in color]
    stops = np.cumsum([len(color) for color in colored]).tolist()
    count = len(ordered)
    return Contacts(
        names=tuple(c.name for c in ordered),
        body_a=tuple(c.a for c in ordered),
        body_b=tuple(c.b for c in ordered),
        colors=tuple(zip([0, *stops[:-1]], stops, strict=True)) if count else (),
        radius_a=_numbers([c.radius_a for c in ordered]),
        radius_b=_numbers([c.radius_b for c in ordered]),
        friction=_numbers([c.friction for c in ordered]),
        restitution=_numbers([c.restitution for c in ordered]),
        frequency=_numbers([robot.contact_frequency] * count),
        damping_ratio=_numbers([robot.contact_damping_ratio] * count),
    )


def _color(contacts: list[_Contact]) -> list[list[_Contact]]:
    """Greedy coloring: each contact joins the first color in which its bodies are still free."""
    colors: list[list[_Contact]] = []
    taken: list[set[int]] = []
    for contact in contacts:
        moving = {contact.a, contact.b} - {WORLD}
        for color, bodies in zip(colors, taken, strict=True):
            if not bodies & moving:
                color.append(contact)
                bodies |= moving
                break
        else:
            colors.append([contact])
            taken.append(set(moving))
    return colors


def _thrusters(robot: RobotConfig) -> Thrusters:
    names = list(robot.bodies)
    thrusters = robot.thrusters.values()
    axis = _vector([t.axis for t in thrusters])
    return Thrusters(
        names=tuple(robot.thrusters),
        body=tuple(names.index(t.body) for t in thrusters),
        is_torque=tuple(t.type == "torque" for t in thrusters),
        axis_local=axis * (1.0 / jnp.sqrt(axis.squared_norm())),
        limit=_numbers([t.limit for t in thrusters]),
    )


def _rotation(quaternions: list[Any]) -> Mat3:
    """Rotation matrices of quaternions (w, x, y, z), which need not be normalised."""
    w, x, y, z = (_numbers([q[k] for q in quaternions]) for k in range(4))
    s = 2.0 / (w * w + x * x + y * y + z * z)
    return Mat3(
        Vec3(1.0 - s * (y * y + z * z), s * (x * y + z * w), s * (x * z - y * w)),
        Vec3(s * (x * y - z * w), 1.0 - s * (x * x + z * z), s * (y * z + x * w)),
        Vec3(s * (x * z + y * w), s * (y * z - x * w), 1.0 - s * (x * x + y * y)),
    )


def _dtype() -> Any:
    """float64 where JAX is set to it, else float32."""
    return jnp.result_type(float)


def _number(value: Any) -> jax.Array:
    return jnp.asarray(value, _dtype())


def _numbers(values: list[Any]) -> jax.Array:
    return jnp.stack([_number(v) for v in values]) if values else jnp.zeros(0, _dtype())


def _vector(rows: list[Any], shape: tuple[int, ...] | None = None) -> Vec3:
    """Components (rows,) from a list of three numbers each; ``shape`` () for a single row."""
    components = (_numbers([row[k] for row in rows]) for k in range(3))
    return Vec3(*(c if shape is None else c.reshape(shape) for c in components))
