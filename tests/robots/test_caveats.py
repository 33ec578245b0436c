"""A robot that is beyond what the engine resolves is told so, with numbers, and others are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from diffsim.dynamics.bodies import kinetic_energy
from diffsim.robots.build import build_world, initial_state
from diffsim.robots.caveats import FAST, caveats
from diffsim.robots.config import BodyConfig, JointConfig, RobotConfig
from tests.robots_in_package import robot_config
from tests.worlds import DOWN, GRAVITY, ball_robot, build, simulate, spheres_robot

TIMESTEP = 0.01


def said(robot: RobotConfig, timestep: float = TIMESTEP) -> list[str]:
    world = build_world(robot, DOWN, timestep)
    return caveats(robot, world, initial_state(robot, world))


def rope(mass: float) -> RobotConfig:
    """A bob of 1 kg on five hinged links of 10 cm, let go at 0.1 rad."""
    link = {"shape": "box", "size": [0.01, 0.01, 0.1], "mass": mass}
    bodies = {f"link_{k}": BodyConfig(**link) for k in range(5)}
    bodies["bob"] = BodyConfig(shape="sphere", radius=0.05, mass=1.0)
    names = [*bodies]
    up, down = [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]
    joints = {
        f"joint_{k}": JointConfig(
            type="hinge",
            axis=[0.0, 1.0, 0.0],
            parent="world" if k == 0 else names[k - 1],
            child=name,
            parent_offset=[0.0, 0.0, 2.0] if k == 0 else [0.0, 0.0, 0.0],
            parent_face=[0.0, 0.0, 0.0] if k == 0 else down,
            child_face=up,
            position=[0.1 if k == 0 else 0.0],
        )
        for k, name in enumerate(names)
    }
    return RobotConfig(name="rope", bodies=bodies, joints=joints)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("mass", [0.2, 0.05, 0.02, 0.01, 0.002])
def test_a_chain_that_gains_energy_is_told_that_the_step_is_too_long(mass: float) -> None:
    robot = rope(mass)
    world, state = build(robot, timestep=TIMESTEP)
    states = simulate(world, state, steps=500)

    def energy(s: Any) -> np.ndarray:
        kinetic = kinetic_energy(world.bodies, s.pose.rotation, s.twist)
        return np.asarray(kinetic + GRAVITY * world.bodies.mass * s.pose.position.z).sum(axis=-1)

    gains = energy(states).max() - energy(state) > 0.1  # the swing has 0.03 J
    sentences = [line for line in said(robot) if "time step" in line]
    assert bool(sentences) == bool(gains) == (mass < 0.05)
    if sentences:
        (line,) = sentences
        assert "joint_0" in line
        assert f"above {FAST:g}" in line
        # At the step that it advises nothing is left to be said.
        advised = float(line.split("simulation.dt=")[1].split()[0])
        assert not [line for line in said(robot, 0.98 * advised) if "time step" in line]


def test_a_contact_that_its_loads_press_deep_is_told() -> None:
    heavy = {"low": {"mass": 1.0}, "high": {"mass": 1000.0, "position": [0.0, 0.0, 0.3]}}
    pairs = [("high", "low")]
    (line,) = said(spheres_robot(heavy, pairs, contact_depth=None, contact_frequency=30.0))
    for part in ("high/low", "30 Hz", "for 0.999 kg", "9.82e+03 N", "277 mm", "277 %", "stiffness"):
        assert part in line, line
    (line,) = said(spheres_robot(heavy, pairs, contact_stiffness=1e5))
    assert "high/low is soft (contact_stiffness 5e+04 N/m)" in line  # two springs in series
    for stiffer in ({}, {"contact_frequency": np.inf}, {"contact_stiffness": 1e7}):
        assert said(spheres_robot(heavy, pairs, **stiffer)) == []


def test_shapes_that_touch_nothing_are_named() -> None:
    robot = RobotConfig(
        name="crates",
        bodies={
            "crate": BodyConfig(shape="box", size=[1.0, 1.0, 1.0]),
            "ghost": BodyConfig(shape="sphere", radius=0.1, ground_contact=False),
            "ball": BodyConfig(shape="sphere", radius=0.1),
        },
    )
    assert said(robot)[0].endswith("through the ground and each other: crate, ghost")
    assert said(ball_robot()) == []


def four_bar(gap: float) -> RobotConfig:
    """A parallelogram whose last joint is open by so much at the start [m]."""
    bar = {"shape": "box", "size": [0.02, 0.02, 0.4]}
    link = {"type": "hinge", "axis": [0.0, 1.0, 0.0]}
    up, down = [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]
    bodies = {name: BodyConfig(**bar) for name in ("left", "right")}
    bodies["top"] = BodyConfig(shape="box", size=[0.4, 0.02, 0.02])
    joints = {
        "a": JointConfig(parent="world", child="left", child_face=down, **link),
        "b": JointConfig(
            parent="world",
            child="right",
            child_face=down,
            parent_offset=[0.4 + gap, 0.0, 0.0],
            **link,
        ),
        "c": JointConfig(
            parent="left", child="top", parent_face=up, child_face=[-1.0, 0.0, 0.0], **link
        ),
        "d": JointConfig(
            parent="right",
            child="top",
            parent_face=up,
            child_face=[1.0, 0.0, 0.0],
            closes_loop=True,
            **link,
        ),
    }
    return RobotConfig(name="four_bar", bodies=bodies, joints=joints)


def test_a_loop_that_does_not_close_at_the_start_is_told() -> None:
    line = said(four_bar(0.084))[-1]
    assert "joint d does not close at the start: it is 84 mm" in line
    assert not [line for line in said(four_bar(0.0)) if "close" in line]


@pytest.mark.parametrize("name", ["ball", "arm", "cartpole", "quadruped", "quadruped_table1"])
def test_shipped_robots_have_no_more_than_boxes_without_contacts(name: str) -> None:
    lines = said(robot_config(name))
    assert len(lines) == (name != "ball")
    assert all(line.startswith("bodies without contacts") for line in lines)
