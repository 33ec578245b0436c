"""Scenes in every regime of contact."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from diffsim.world.world import Control, idle_control
from tests.gradients.compare import Scene
from tests.worlds import (
    GRAVITY,
    RADIUS,
    ball_robot,
    box_robot,
    build,
    spheres_robot,
    supported,
)

TIMESTEP = 0.01
FRICTION = 0.5
FREQUENCY = 30.0
WEIGHT = 1000.0 * 4.0 / 3.0 * math.pi * RADIUS**3 * GRAVITY  # of water
SINKING = GRAVITY / (2.0 * math.pi * FREQUENCY) ** 2  # where the soft contact carries the weight
CONTACT = {"friction": FRICTION, "restitution": 0.6, "contact_frequency": FREQUENCY}
TURNED = [0.9, 0.1, -0.2, 0.3]


def lying_ball(
    thrust: float, timestep: float = TIMESTEP, depth: float = 0.5 * SINKING, **motion: Any
) -> Scene:
    """A ball that the ground has carried before; at half depth it still sinks in."""
    scene = flying_ball(RADIUS - depth, thrust, timestep, **motion)
    return scene._replace(state=supported(scene.world, scene.state))


def flying_ball(height: float, thrust: float, timestep: float = TIMESTEP, **motion: Any) -> Scene:
    """A ball whose centre is at ``height``, with a thruster along x and a turned body frame."""
    robot = ball_robot(axis=[1.0, 0.0, 0.0], position=[0.3, -0.2, height], **CONTACT, **motion)
    world, state = build(robot, timestep=timestep)
    return Scene(world, state, Control(jnp.asarray([thrust])))


def sticking_ball() -> Scene:
    """At rest in every respect, but for a small force sideways."""
    return lying_ball(0.2 * WEIGHT, depth=SINKING)


def slipping_ball(timestep: float = TIMESTEP) -> Scene:
    return lying_ball(1.0, timestep, velocity=[2.0, 1.0, 0.0], angular_velocity=[3.0, -1.0, 2.0])


def rolling_ball(timestep: float = TIMESTEP) -> Scene:
    """v + ω × (−r e_z) = 0, in a direction that is not an axis."""
    rates = [-0.5 / RADIUS, 1.0 / RADIUS, 0.0]
    return lying_ball(1.0, timestep, velocity=[1.0, 0.5, 0.0], angular_velocity=rates)


def gripping_bounce() -> Scene:
    motion = {"velocity": [0.5, 0.2, -2.0], "angular_velocity": [1.0, 2.0, 3.0]}
    return flying_ball(RADIUS + 0.009, 1.0, orientation=TURNED, **motion)


def slipping_bounce() -> Scene:
    motion = {"velocity": [8.0, 2.0, -2.0], "angular_velocity": [1.0, 2.0, 3.0]}
    return flying_ball(RADIUS + 0.009, 1.0, orientation=TURNED, **motion)


def flight() -> Scene:
    motion = {"velocity": [2.0, 1.0, 3.0], "angular_velocity": [3.0, -1.0, 2.0]}
    return flying_ball(1.0, 1.0, orientation=TURNED, **motion)


BALLS = {
    "sticking": sticking_ball,
    "slipping": slipping_ball,
    "rolling": rolling_ball,
    "bouncing and gripping": gripping_bounce,
    "bouncing and slipping": slipping_bounce,
    "flight": flight,
}


def colliding_spheres() -> Scene:
    """Two spheres in free flight whose surfaces meet, off centre, within the step."""
    bodies: dict[str, dict[str, Any]] = {
        "first": {
            "position": [0.0, 0.01, 0.02],
            "velocity": [1.0, 0.5, 0.0],
            "angular_velocity": [3.0, -1.0, 2.0],
            "radius": 0.1,
        },
        "second": {
            "position": [0.215, 0.05, -0.03],
            "velocity": [-2.0, 0.0, 1.0],
            "angular_velocity": [-2.0, 5.0, 1.0],
            "radius": 0.12,
            "density": 3000.0,
        },
    }
    robot = spheres_robot(bodies, [("first", "second")], ground_contact=False, **CONTACT)
    world, state = build(robot, timestep=TIMESTEP)
    return Scene(world, state, idle_control(world))


def tumbling_box() -> Scene:
    motion = {"velocity": [1.0, 2.0, 3.0], "angular_velocity": [5.0, -7.0, 9.0]}
    world, state = build(box_robot(orientation=TURNED, **motion), timestep=TIMESTEP)
    return Scene(world, state, idle_control(world))
