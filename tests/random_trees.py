"""Robots that nobody designed: random trees of bodies on random joints."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffsim.robots.config import BodyConfig, JointConfig, RobotConfig
from diffsim.robots.replace import replace

FREEDOMS = {"hinge": 1, "slider": 1, "universal": 2, "ball": 3, "fixed": 0}


def random_tree(
    bodies: int, seed: int, *, ground_contact: bool = False, speed: float = 1.0
) -> RobotConfig:
    """A free tree of boxes and spheres in motion.

    Args:
        bodies: how many.
        seed: of all random choices.
        ground_contact: whether its spheres touch the ground; every other body is one then.
        speed: of the joints and of the root [m/s] and [rad/s].
    """
    rng = np.random.default_rng([seed, bodies])

    def numbers(count: int, scale: float) -> list[float]:
        return [float(x) for x in scale * rng.uniform(-1.0, 1.0, count)]

    def body(number: int) -> BodyConfig:
        if number % 2 == (0 if ground_contact else rng.integers(2)):
            shape: dict[str, Any] = {"shape": "sphere", "radius": float(rng.uniform(0.05, 0.1))}
        else:
            shape = {"shape": "box", "size": [float(x) for x in rng.uniform(0.05, 0.3, 3)]}
        return BodyConfig(**shape, ground_contact=ground_contact)

    robot = replace(
        RobotConfig(name="tree", bodies={f"body_{k}": body(k) for k in range(bodies)}),
        {
            "bodies.body_0.position": [0.0, 0.0, 0.2 * bodies + 0.5],
            "bodies.body_0.orientation": [1.0, *numbers(3, 1.0)],
            "bodies.body_0.velocity": numbers(3, speed),
            "bodies.body_0.angular_velocity": numbers(3, speed),
        },
    )
    for k in range(1, bodies):
        kind = str(rng.choice([*FREEDOMS]))
        axis, other = rng.normal(size=3), rng.normal(size=3)
        second = np.cross(axis, other)
        robot.joints[f"joint_{k}"] = JointConfig(
            type=kind,
            parent=f"body_{rng.integers(max(0, k - 4), k)}",
            child=f"body_{k}",
            axis=[float(x) for x in axis],
            second_axis=[float(x) for x in second],
            orientation=[1.0, *numbers(3, 1.0)],
            parent_face=numbers(3, 1.0),
            child_face=numbers(3, 1.0),
            position=numbers(FREEDOMS[kind], 0.5) or None,
            velocity=numbers(FREEDOMS[kind], speed) or None,
        )
    return robot
