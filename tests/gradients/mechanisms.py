"""Small articulated robots, and the regimes in which their gradients are compared.

The regimes of a robot differ in numbers alone, so that one compiled function serves all of them.
Nothing is symmetric: symmetry hides mistakes, and is where the solver's max(a, b) has a kink.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from diffsim.collisions.contacts import ContactImpulse
from diffsim.joints.coordinates import joint_coordinates
from diffsim.joints.joints import joint_frames
from diffsim.robots.build import build_world, initial_state
from diffsim.robots.config import BodyConfig, JointConfig, MotorConfig, RobotConfig, ThrusterConfig
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.world.world import Control, State, World
from tests.gradients.compare import Scene
from tests.gradients.lanes import trajectory
from tests.worlds import DOWN, RIGID, SOLVER, with_motion

TIMESTEP = 0.01
STRONG, WEAK = 1e3, 0.05  # [N·m] or [N]: more than any motor here needs, and less
INFINITE = float("inf")

# How bodies are mounted on each other: nowhere in the middle.
UPPER = {"parent_face": [0.2, 0.3, -1.0], "child_face": [0.1, -0.2, 1.0]}
LOWER = {"parent_face": [0.1, -0.3, -1.0], "child_face": [-0.2, 0.1, 1.0]}
TURNED = [0.95, 0.1, -0.2, 0.15]


def box(x: float, y: float, z: float, **options: Any) -> BodyConfig:
    return BodyConfig(shape="box", size=[x, y, z], **options)


def sphere(radius: float, **options: Any) -> BodyConfig:
    return BodyConfig(shape="sphere", radius=radius, **options)


def wrist(max_force: float = STRONG, slowest: float = INFINITE, reach: float = 5.0) -> RobotConfig:
    """A slider on the world and a universal joint on a body, with a motor of each type.

    Args:
        max_force: of all motors.
        slowest: max_velocity of the velocity servo.
        reach: commands of the others are clipped to ± this.
    """
    limits = {1: {"lower": [-5.0], "upper": [5.0]}, 2: {"lower": [-5.0] * 2, "upper": [5.0] * 2}}
    return RobotConfig(
        name="wrist",
        bodies={"carriage": box(0.1, 0.12, 0.3), "hand": box(0.08, 0.1, 0.25)},
        joints={
            "rail": JointConfig(
                "slider", "world", "carriage", axis=[0.1, 0.2, 1.0], parent_offset=[0.1, 0.2, 0.3],
                position=[0.05], velocity=[0.3], **UPPER, **limits[1],
            ),
            "wrist": JointConfig(
                "universal", "carriage", "hand", axis=[1.0, 0.1, 0.2], second_axis=[0.0, -2.0, 1.0],
                orientation=TURNED, position=[0.3, -0.4], velocity=[1.0, -2.0], **LOWER,
                **limits[2],
            ),
        },
        motors={
            "lift": MotorConfig("rail", 0, "velocity", max_force=max_force, max_velocity=slowest),
            "twist": MotorConfig("wrist", 0, "torque", max_force=max_force,
                                 command_range=[-reach, reach]),
            "nod": MotorConfig("wrist", 1, "position", 20.0, max_force,
                               command_range=[-reach, reach]),
        },
    )  # fmt: skip


def pendulum(max_force: float = STRONG, slowest: float = INFINITE) -> RobotConfig:
    """A ball joint on the world and a hinge on a body: a double pendulum with servos."""
    return RobotConfig(
        name="pendulum",
        bodies={"upper": box(0.1, 0.12, 0.3), "lower": box(0.08, 0.1, 0.25, mass=3.0)},
        joints={
            "shoulder": JointConfig(
                "ball", "world", "upper", parent_offset=[0.1, 0.2, 0.3], orientation=TURNED,
                position=[0.5, -0.3, 0.4], velocity=[1.0, -2.0, 0.5], lower=[-5.0] * 3,
                upper=[5.0] * 3, **UPPER,
            ),
            "elbow": JointConfig(
                "hinge", "upper", "lower", axis=[1.0, 0.2, 0.1], position=[-0.4], velocity=[2.0],
                lower=[-5.0], upper=[5.0], **LOWER,
            ),
        },
        motors={
            "raise": MotorConfig("shoulder", 0, "position", 20.0, max_force, slowest),
            "turn": MotorConfig("shoulder", 1, "velocity", max_force=max_force),
            "swing": MotorConfig("shoulder", 2, "torque", max_force=max_force),
            "bend": MotorConfig("elbow", 0, "position", 15.0, max_force, slowest),
        },
    )  # fmt: skip


LEGS = {"front_left": 0.2, "front_right": -0.1, "back_left": 0.15, "back_right": -0.25}
"""The angles at which they stand [rad]."""


def walker(
    max_force: float = STRONG,
    height: float = 0.345,
    velocity: tuple[float, ...] = (0.0, 0.0, 0.0),
    **options: Any,
) -> RobotConfig:
    """A free trunk on four legs of one hinge each; the feet are fixed to them, and merged."""
    bodies = {"trunk": box(0.6, 0.3, 0.1, position=[0.1, 0.2, height], velocity=list(velocity))}
    joints, motors = {}, {}
    for leg, angle in LEGS.items():
        side = [0.8 if "front" in leg else -0.8, 1.1 if "left" in leg else -1.1, -1.0]
        bodies |= {leg: box(0.05, 0.06, 0.25), f"foot_{leg}": sphere(0.05)}
        joints[f"hip_{leg}"] = JointConfig(
            "hinge", "trunk", leg, axis=[0.1, 1.0, 0.05], parent_face=side,
            child_face=[0.0, 0.1, 1.0], position=[angle],
        )  # fmt: skip
        joints[f"ankle_{leg}"] = JointConfig(
            "fixed", leg, f"foot_{leg}", orientation=TURNED, parent_face=[0.1, 0.0, -1.0]
        )
        motors[leg] = MotorConfig(f"hip_{leg}", 0, "position", 20.0, max_force, 10.0)
    return RobotConfig(
        name="walker",
        bodies=bodies,
        joints=joints,
        motors=motors,
        thrusters={"push": ThrusterConfig("trunk", axis=[1.0, 0.2, 0.1], limit=100.0)},
        **{"friction": 0.8, "restitution": 0.3, **options},
    )


def hopper(max_force: float = STRONG) -> RobotConfig:
    """A trunk on one leg: nothing but its foot, which rolls, keeps it from falling."""
    return RobotConfig(
        name="hopper",
        bodies={
            "trunk": box(0.3, 0.25, 0.1, position=[0.1, 0.2, 0.6985], velocity=[0.02, -0.05, 0.0]),
            "leg": box(0.05, 0.06, 0.5),
            "foot": sphere(0.1),
        },
        joints={
            "hip": JointConfig(
                "hinge", "trunk", "leg", axis=[0.1, 1.0, 0.05], parent_face=[0.05, 0.1, -1.0],
                child_face=[0.0, 0.1, 1.0],
            ),
            "ankle": JointConfig(
                "fixed", "leg", "foot", orientation=TURNED, parent_face=[0.1, 0.0, -1.0]
            ),
        },
        motors={"hip": MotorConfig("hip", 0, "position", 20.0, max_force, 10.0)},
        friction=1.5,
        restitution=0.3,
    )  # fmt: skip


def linkage(max_force: float = STRONG, frequency: float | None = 10.0) -> RobotConfig:
    """Four bars in a plane: hinges on the world and on bodies, one of which closes the loop.

    To be built with ``merge_fixed=False``, so that the coupler's tip is a body of its own.
    """
    tip = {"parent_face": [0.0, 1.0, 0.5], "orientation": TURNED}
    across = {"axis": [0.0, 1.0, 0.0]}
    return RobotConfig(
        name="linkage",
        bodies={
            "crank": box(0.05, 0.06, 0.3),
            "rocker": box(0.06, 0.05, 0.35),
            "coupler": box(0.45, 0.05, 0.04),
            "tip": box(0.1, 0.05, 0.2),
        },
        joints={
            "drive": JointConfig(
                "hinge", "world", "crank", **across, child_face=[0.0, 0.0, 1.0], position=[0.3],
                velocity=[1.0],
            ),
            "pivot": JointConfig(
                "hinge", "world", "rocker", **across, parent_offset=[0.4, 0.0, 0.02],
                child_face=[0.0, 0.0, 1.0], position=[0.2], lower=[-5.0], upper=[5.0],
            ),
            "knuckle": JointConfig(
                "hinge", "crank", "coupler", **across, parent_face=[0.0, 0.0, -1.0],
                child_face=[-1.0, 0.0, 0.0], position=[-0.25],
            ),
            "closing": JointConfig(
                "hinge", "rocker", "coupler", **across, parent_face=[0.0, 0.0, -1.0],
                child_face=[1.0, 0.0, 0.0], frequency=frequency, damping_ratio=0.7,
                closes_loop=True,
            ),
            "mount": JointConfig("fixed", "coupler", "tip", **tip),
        },
        motors={"crank": MotorConfig("drive", 0, "velocity", max_force=max_force)},
    )  # fmt: skip


def sprung(max_force: float = STRONG, **options: Any) -> RobotConfig:
    """A soft universal joint on the world, so that joint, motor and limit are all rows."""
    return RobotConfig(
        name="sprung",
        bodies={"bob": box(0.1, 0.12, 0.3)},
        joints={
            "suspension": JointConfig(
                "universal", "world", "bob", axis=[1.0, 0.1, 0.2], second_axis=[0.0, -2.0, 1.0],
                parent_offset=[0.1, 0.2, 0.3], orientation=TURNED, position=[0.3, -0.4],
                velocity=[1.0, -2.0], lower=[-5.0] * 2, upper=[5.0] * 2,
                **UPPER, **{"frequency": 10.0, "damping_ratio": 0.7, **options},
            ),
        },
        motors={"swing": MotorConfig("suspension", 0, "position", 20.0, max_force, 5.0)},
    )  # fmt: skip


def bat(gap: float = 0.02, **options: Any) -> RobotConfig:
    """A sphere on a hinge, and a free one in front of it that slides on the ground."""
    return RobotConfig(
        name="bat",
        bodies={
            "bat": sphere(0.1, ground_contact=False),
            "ball": sphere(
                0.08, position=[0.18 + gap, 0.02, 0.0795], velocity=[-0.5, 0.2, 0.0],
                angular_velocity=[1.0, -2.0, 3.0], frictionless=True,
            ),
            "handle": box(0.05, 0.06, 0.4),
        },
        joints={
            "pivot": JointConfig(
                "hinge", "world", "handle", axis=[0.1, -1.0, 0.2], parent_offset=[0.0, 0.0, 0.5],
                child_face=[0.0, 0.0, 1.0], velocity=[1.0],
            ),
            "grip": JointConfig("fixed", "handle", "bat", parent_face=[0.0, 0.1, -1.0]),
        },
        motors={"swing": MotorConfig("pivot", 0, "velocity", max_force=5.0)},
        contact_pairs=[["ball", "bat"]],
        **{"friction": 0.4, "restitution": 0.5, "contact_depth": None, **options},
    )  # fmt: skip


def tower(max_force: float = STRONG, frequency: float | None = None) -> RobotConfig:
    """Every joint type, most of them where the small robots do not have it: all hard, or all soft.

    With ``eliminate_joints=False``, all of them are rows; else those are that are soft.
    """
    soft = {"frequency": frequency, "damping_ratio": 0.7}
    limits = {n: {"lower": [-5.0] * n, "upper": [5.0] * n} for n in (1, 2, 3)}
    return RobotConfig(
        name="tower",
        bodies={
            "foundation": box(0.2, 0.25, 0.1),
            "mast": box(0.1, 0.12, 0.4),
            "boom": box(0.3, 0.08, 0.1),
            "hook": box(0.06, 0.07, 0.15),
            "weight": sphere(0.08, ground_contact=False),
        },
        joints={
            "footing": JointConfig(
                "fixed", "world", "foundation", parent_offset=[0.1, 0.2, 0.3], orientation=TURNED,
                child_face=[0.0, 0.1, -1.0], **soft,
            ),
            "slew": JointConfig(
                "hinge", "foundation", "mast", axis=[0.1, 0.2, 1.0], parent_face=[0.1, -0.2, 1.0],
                child_face=[0.1, 0.1, -1.0], position=[0.3], velocity=[2.0], **limits[1], **soft,
            ),
            "luff": JointConfig(
                "universal", "mast", "boom", axis=[0.0, 1.0, 0.1], second_axis=[1.0, 0.0, 0.0],
                parent_face=[0.1, 0.2, 1.0], child_face=[-1.0, 0.1, 0.2], position=[0.2, -0.3],
                velocity=[-1.0, 2.0], **limits[2], **soft,
            ),
            "sway": JointConfig(
                "ball", "boom", "hook", orientation=TURNED, position=[0.5, -0.3, 0.4],
                velocity=[1.0, 2.0, -1.0], parent_face=[1.0, 0.1, -0.2],
                child_face=[0.1, 0.0, 1.0], **limits[3], **soft,
            ),
            "hoist": JointConfig(
                "slider", "hook", "weight", axis=[0.1, 0.2, -1.0], parent_face=[0.1, 0.0, -1.0],
                child_face=[0.0, 0.2, 1.0], position=[0.1], velocity=[-0.5], **limits[1], **soft,
            ),
        },
        motors={
            "slew": MotorConfig("slew", 0, "torque", max_force=max_force),
            "luff": MotorConfig("luff", 1, "velocity", max_force=max_force),
            "sway": MotorConfig("sway", 1, "position", 20.0, max_force, 5.0),
            "hoist": MotorConfig("hoist", 0, "position", 20.0, max_force,
                                 command_range=[-0.2, 0.2]),
        },
    )  # fmt: skip


class Regime(NamedTuple):
    """A robot in a state.

    Attributes:
        robot: with its numbers.
        command: of thrusters and motors.
        steps: that are simulated before: impulses of the last step are part of the state.
        change: what is done to the scene then.
        options: of ``build_world``.
        solver: with which it is simulated.
    """

    robot: RobotConfig
    command: tuple[float, ...]
    steps: int = 3
    change: Callable[[Scene], Scene] = lambda scene: scene
    options: Mapping[str, bool] = {}
    solver: ProjectedGaussSeidel = SOLVER


def scene_of(regime: Regime) -> Scene:
    """The scene of a regime."""
    start = build_scene(regime.robot, regime.command, **regime.options)
    commands = np.tile(regime.command, (regime.steps, 1))
    return regime.change(trajectory(start, commands, regime.solver)[-1])


def build_scene(robot: RobotConfig, command: Any, **options: bool) -> Scene:
    """A robot as its data place it."""
    world = build_world(robot, DOWN, TIMESTEP, **options)
    return Scene(world, initial_state(robot, world), Control(jnp.asarray(command)))


def coordinates(world: World, state: State) -> np.ndarray:
    """Of all drives."""
    frames = joint_frames(world.joints, state.pose)
    return np.asarray(
        joint_coordinates(world.joints, frames, world.drives.coordinate, state.angles)
    )


def with_limits(scene: Scene, below: float, above: float) -> Scene:
    """With limits so far below and above where all coordinates are."""
    q = coordinates(scene.world, scene.state)
    drives = dataclasses.replace(scene.world.drives, lower=q - below, upper=q + above)
    return scene._replace(world=dataclasses.replace(scene.world, drives=drives))


def kicked(scene: Scene, velocity: tuple[float, float, float]) -> Scene:
    """With this much more velocity of all bodies."""
    moved = type(scene.state.twist.linear)(
        *(part + more for part, more in zip(scene.state.twist.linear, velocity, strict=True))
    )
    return scene._replace(state=with_motion(scene.state, velocity=moved))


def above_ground(scene: Scene, gap: float) -> Scene:
    """Moved so that the lowest sphere is this far above the ground, where none has been before."""
    contacts, geoms, state = scene.world.contacts, scene.world.geoms, scene.state
    center = state.pose.gather(contacts.body_a).at(geoms.pose.position.gather(contacts.geom_a))
    height = gap - jnp.min(center.z - geoms.size(contacts.geom_a)["radius"])
    position = state.pose.position._replace(z=state.pose.position.z + height)
    zero = jnp.zeros(len(contacts.names))
    impulses = state.impulses._replace(contact=ContactImpulse(zero, zero, zero))
    return scene._replace(state=with_motion(state, position=position, impulses=impulses))


AHEAD, BEYOND = 1e-4, 0.02
"""Limits that are met within the step; and how far outside they coordinates are [rad] or [m]."""

falling = partial(walker, height=1.0, velocity=(0.5, 0.3, -1.0))
close_to_ground = partial(above_ground, gap=0.004)
meets_limits = partial(with_limits, below=AHEAD, above=AHEAD)
meets_wide_limits = partial(with_limits, below=AHEAD, above=3.0 * AHEAD)
is_beyond_limits = partial(with_limits, below=-BEYOND, above=1.0)

UNMERGED = {"merge_fixed": False}
ROWS = {"eliminate_joints": False}

WRIST = (0.4, 0.3, 0.2)
PENDULUM = (0.7, -1.0, 0.5, -0.2)
STANCE = (0.0, *(angle + 0.02 for angle in LEGS.values()))
PUSH = (20.0, *STANCE[1:])
TOWER = (0.5, 0.4, -0.2, 0.15)
BOX = dataclasses.replace(SOLVER, friction="box")

SMALL: dict[str, dict[str, Regime]] = {
    "wrist": {
        "unsaturated": Regime(wrist(), WRIST),
        "saturated": Regime(wrist(max_force=WEAK), WRIST),
        "clipped": Regime(wrist(slowest=0.1, reach=0.1), WRIST),
        "meeting limits": Regime(wrist(max_force=WEAK), WRIST, change=meets_limits),
        "beyond limits": Regime(wrist(max_force=WEAK), WRIST, change=is_beyond_limits),
    },
    "pendulum": {
        "unsaturated": Regime(pendulum(), PENDULUM),
        "saturated": Regime(pendulum(max_force=WEAK), PENDULUM),
        "clipped": Regime(pendulum(slowest=0.1), PENDULUM),
        "meeting limits": Regime(pendulum(max_force=WEAK), PENDULUM, change=meets_wide_limits),
        "beyond limits": Regime(pendulum(max_force=WEAK), PENDULUM, change=is_beyond_limits),
    },
    "walker": {
        "standing": Regime(walker(friction=2.0), PUSH, steps=40),
        "sagging": Regime(walker(max_force=2.0), PUSH, steps=20),
        "slipping": Regime(walker(friction=0.2, velocity=(2.0, 1.0, 0.0)), STANCE, steps=5),
        "taking off": Regime(
            walker(), PUSH, steps=40, change=partial(kicked, velocity=(0.3, 0.1, 1.0))
        ),
        "landing": Regime(falling(), PUSH, change=close_to_ground),
        "landing on rigid ground": Regime(
            falling(contact_frequency=RIGID), PUSH, change=close_to_ground
        ),
    },
    "hopper": {
        "toppling": Regime(hopper(), (0.05,), steps=10),
    },
    "linkage": {
        "hard": Regime(linkage(frequency=None), (2.0,), options=UNMERGED),
        "soft": Regime(linkage(), (2.0,), options=UNMERGED),
        "saturated": Regime(linkage(max_force=WEAK), (2.0,), options=UNMERGED),
        "meeting limits": Regime(linkage(), (2.0,), options=UNMERGED, change=meets_limits),
    },
    "sprung": {
        "soft": Regime(sprung(), (0.5,), options=ROWS),
        "hard": Regime(sprung(frequency=None), (0.5,), options=ROWS),
        "undamped": Regime(sprung(damping_ratio=0.0), (0.5,), options=ROWS),
        "saturated": Regime(sprung(max_force=WEAK), (0.5,), options=ROWS),
        "meeting limits": Regime(
            sprung(max_force=WEAK), (0.5,), options=ROWS, change=meets_limits
        ),
        "beyond limits": Regime(
            sprung(max_force=WEAK), (0.5,), options=ROWS, change=is_beyond_limits
        ),
    },
    "bat": {
        "hitting": Regime(bat(), (3.0,)),
        "pressing": Regime(bat(gap=-0.002, restitution=0.0), (1.0,), steps=8),
        "away": Regime(bat(gap=0.2), (3.0,)),
    },
}  # fmt: skip

# These take long to compile.
LARGE: dict[str, dict[str, Regime]] = {
    "tower": {
        "unsaturated": Regime(tower(), TOWER),
        "saturated": Regime(tower(max_force=WEAK), TOWER),
        "meeting limits": Regime(tower(max_force=WEAK), TOWER, change=meets_wide_limits),
        "beyond limits": Regime(tower(max_force=WEAK), TOWER, change=is_beyond_limits),
    },
    "tower of rows": {
        "hard": Regime(tower(), TOWER, options=ROWS),
        "soft": Regime(tower(frequency=10.0), TOWER, options=ROWS),
        "saturated": Regime(tower(max_force=WEAK, frequency=10.0), TOWER, options=ROWS),
        "meeting limits": Regime(
            tower(max_force=WEAK), TOWER, options=ROWS, change=meets_wide_limits
        ),
    },
    "walker with box friction": {
        "standing": Regime(walker(), PUSH, steps=40, solver=BOX),
        "slipping": Regime(
            walker(friction=0.2, velocity=(2.0, 1.0, 0.0)), STANCE, steps=5, solver=BOX
        ),
    },
}  # fmt: skip

REGIMES = SMALL | LARGE


def placeholders(world: World) -> tuple[str, ...]:
    """Inputs that mean nothing: the parameters of motors that are not there."""
    return tuple(
        f".world.drives.{name}[{drive}]"
        for drive, motor in enumerate(world.drives.motor)
        if not motor
        for name in ("gain", "max_force", "max_velocity")
    )


AWAY_FROM_SWITCHES = [
    ("wrist", "unsaturated"),
    ("pendulum", "unsaturated"),
    ("linkage", "soft"),
    ("sprung", "soft"),
    ("hopper", "toppling"),
    ("bat", "away"),
]
"""Regimes in which nothing switches for a hundred steps."""
