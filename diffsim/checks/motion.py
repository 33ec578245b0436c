"""Do joints, energy and momentum hold over seconds? Three motions of one robot, side by side.

*Driven*: from its own start, every motor and thruster by a sine. Joints must not come apart.

*Passive*: from a nudged start, motors without force, no thrust. The total energy must not rise:

    E_n = ½ (T(v_n) + T(v_{n+1})) + V(x_n)

Semi-implicit Euler's velocities belong to the middles of the steps; with the kinetic energy as the
mean of before and after a position, E errs by second order in the time step only. Impacts and
limits are resolved within a step to first order, so some rise is due to the time step.

*Floating*: driven, too, without gravity and contacts, and with the whole robot moving and turning.
All forces are then internal: total momentum must stay.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.checks.config import CheckConfig, ToleranceConfig
from diffsim.checks.excitation import nothing, sines
from diffsim.checks.measure import Measure
from diffsim.checks.observation import Observation, observe, total
from diffsim.checks.start import nudged
from diffsim.checks.trial import BATCH, Trials, stack
from diffsim.math.indexing import WORLD, column
from diffsim.math.spatial import Pose, Twist
from diffsim.math.vectors import Vec3
from diffsim.robots.ground import is_tied
from diffsim.sensors.sensors import Sensors
from diffsim.shapes.shape import Size
from diffsim.world.world import State, World

MOTIONS = ("driven", "passive", "floating")
OUT_OF_REACH = -1e4
"""Radius with which no sphere ever touches anything [m]."""
FLOATING_VELOCITY = (0.7, -0.5, 0.3)
"""Of the floating robot's centre of mass [m/s]."""
FLOATING_SPIN = (0.4, 0.6, -0.8)
"""Of the floating robot as a whole [rad/s]."""
LEAST_HEIGHT = 1e-3
"""A rise of energy is compared with what lifts the robot by this at least [m]: one that just rests
has no other scale."""


class Motions(NamedTuple):
    """Results of the three motions.

    Attributes:
        seconds: that each of them took in the robot's time.
        driven, passive, floating: measures.
    """

    seconds: float
    driven: list[Measure]
    passive: list[Measure]
    floating: list[Measure]

    @property
    def measures(self) -> list[Measure]:
        """All of them, with the name of the motion."""
        return [
            Measure(f"{motion} motion: {m.name}", m.value, m.unit, m.tolerance, m.note)
            for motion in MOTIONS
            for m in getattr(self, motion)
        ]


def check_motion(trials: Trials, world: World, state: State) -> Motions:
    """Simulate the three motions and measure them.

    Args:
        trials: of the robot.
        world: of the robot.
        state: its own start.
    """
    config = trials.config
    tolerances = config.check.tolerances
    observed, start = _simulate(trials, world, state)
    driven, passive, floating = (
        jax.tree.map(lambda leaf, k=k: leaf[k], observed) for k in range(3)
    )
    names = world.bodies.names
    tied = is_tied(config.robot)
    return Motions(
        seconds=_steps(config) * config.simulation.dt,
        driven=[count_broken(driven, names), *judge_drift(driven, world, tolerances)],
        passive=[count_broken(passive, names), *judge_energy(passive, world, tolerances)],
        floating=[]
        if tied
        else [count_broken(floating, names), *judge_momentum(floating, start, tolerances)],
    )


def _steps(config: CheckConfig) -> int:
    return max(2, round(config.check.duration / config.simulation.dt))


def _simulate(trials: Trials, world: World, state: State) -> tuple[Observation, Observation]:
    """Observations of the motions, leading axes (motions, steps), and the floating one's start."""
    config = trials.config
    settings, robot = config.check, config.robot
    drive = sines(robot, settings, len(Sensors(robot).names))
    idle = nothing(drive)
    drive_motors = idle._replace(
        offset=np.where(_is_thruster(world), 0.0, drive.offset),
        amplitude=np.where(_is_thruster(world), 0.0, drive.amplitude),
    )
    _, nudged_state = trials.build(nudged(robot, settings, np.random.default_rng(config.seed)))
    floating_world, floating_state = _floating(world, state)
    batch = [
        trials.trial(world, state, drive),
        trials.trial(_without_force(world), nudged_state, idle),
        trials.trial(floating_world, floating_state, drive_motors),
    ]
    running = stack([*batch, *[batch[-1]] * (BATCH - len(batch))])
    chunks = []
    steps = _steps(config)
    for _ in range(math.ceil(steps / settings.gradient_steps)):
        running, observed = trials.advance(running)
        chunks.append(jax.tree.map(np.asarray, observed))
    joined = jax.tree.map(lambda *parts: np.concatenate(parts, axis=1)[:, :steps], *chunks)
    return joined, jax.tree.map(np.asarray, observe(floating_world)(floating_state))


def _is_thruster(world: World) -> np.ndarray:
    motors = sum(bool(motor) for motor in world.drives.motor)
    return np.arange(len(world.thrusters.names) + motors) < len(world.thrusters.names)


def _without_force(world: World) -> World:
    """The world with motors that have no force; limits stay."""
    drives = world.drives
    weak = dataclasses.replace(drives, max_force=jnp.zeros_like(drives.max_force))
    return dataclasses.replace(world, drives=weak)


def _floating(world: World, state: State) -> tuple[World, State]:
    """Without gravity and contacts, and with all of the robot moving and turning as a whole."""
    geoms = world.geoms
    # Planes are moved away along their normals; what has a radius gets one that reaches nothing.
    place, turned = geoms.pose
    of_world = column([body == WORLD for body in geoms.bodies], place.z).astype(place.z.dtype)
    below = place + turned.c2 * (OUT_OF_REACH * of_world)
    points: dict[str, Size] = {
        shape: {
            name: jnp.full_like(value, OUT_OF_REACH) if name == "radius" else value
            for name, value in size.items()
        }
        for shape, size in geoms.sizes.items()
    }
    apart = dataclasses.replace(geoms, pose=Pose(below, turned), sizes=points)
    weightless = jax.tree.map(jnp.zeros_like, world.gravity)
    floating = dataclasses.replace(world, geoms=apart, gravity=weightless)
    mass = world.bodies.mass
    center = total(state.pose.position * mass) * (1.0 / jnp.sum(mass))
    velocity, spin = _vector(FLOATING_VELOCITY), _vector(FLOATING_SPIN)
    drift = velocity + spin.cross(state.pose.position - center)
    twist = Twist(state.twist.linear + drift, state.twist.angular + spin)
    return floating, state._replace(twist=twist)


def count_broken(observed: Observation, names: tuple[str, ...]) -> Measure:
    """Count bodies' motions that are not a number, and find where this begins."""
    broken = np.argwhere(~observed.finite)
    if not len(broken):
        return Measure("values that are not finite", 0, tolerance=0)
    step, body = broken[0]
    note = f"first at step {step + 1}, body '{names[body]}'"
    return Measure("values that are not finite", len(broken), tolerance=0, note=note)


def judge_drift(observed: Observation, world: World, tolerances: ToleranceConfig) -> list[Measure]:
    """Judge how far joints come apart, and how deep surfaces sink in."""
    found = []
    hard = np.isinf(world.joints.frequency)
    if hard.any():
        found += [
            Measure("joint drift", float(np.max(observed.drift)), "m", tolerances.drift),
            Measure(
                "joint drift", float(np.max(observed.drift_angle)), "rad", tolerances.drift_angle
            ),
        ]
    if not hard.all():
        found += [
            Measure("soft joints give way by", float(np.max(observed.soft)), "m"),
            Measure("soft joints give way by", float(np.max(observed.soft_angle)), "rad"),
        ]
    if world.contacts.names:
        found.append(Measure("deepest contact", float(np.max(observed.penetration)), "m"))
    return found


def judge_energy(observed: Observation, world: World, tolerances: ToleranceConfig) -> list[Measure]:
    """Energy at both ends, and the largest rise above what it has been before."""
    kinetic = 0.5 * (observed.kinetic[:-1] + observed.kinetic[1:])
    energy = kinetic + observed.potential[:-1]
    weight = float(np.sum(world.bodies.mass) * math.hypot(*world.gravity))
    rise = float(np.max(energy - np.minimum.accumulate(energy)))
    scales = {
        "largest kinetic energy": float(np.max(kinetic)),
        "energy lost": float(energy[0] - np.min(energy)),
        f"lifting it by {1e3 * LEAST_HEIGHT:g} mm": weight * LEAST_HEIGHT,
    }
    name = max(scales, key=lambda key: scales[key])
    relative = rise / scales[name] if scales[name] > 0.0 else rise
    soft = bool(np.isfinite(world.joints.frequency).any())
    return [
        Measure("energy at the start", float(energy[0]), "J"),
        Measure("energy at the end", float(energy[-1]), "J"),
        Measure(
            "rise of energy",
            relative,
            "",
            None if soft else tolerances.energy,
            f"of {name}, {scales[name]:.3g} J"
            + ("; may come from soft joints, which store it" if soft else ""),
        ),
    ]


def judge_momentum(
    observed: Observation, start: Observation, tolerances: ToleranceConfig
) -> list[Measure]:
    """The largest changes since the start."""

    def change(values: Any, first: Any, scale: Any) -> float:
        return float(np.max(np.linalg.norm(values - first, axis=-1)) / np.max(scale))

    return [
        Measure(
            "change of momentum",
            change(observed.momentum, start.momentum, observed.momentum_scale),
            "",
            tolerances.momentum,
            "of Σ m|v|",
        ),
        Measure(
            "change of angular momentum",
            change(observed.angular_momentum, start.angular_momentum, observed.angular_scale),
            "",
            tolerances.angular_momentum,
            "of Σ |r × mv| + |Iω|",
        ),
    ]


def _vector(values: tuple[float, float, float]) -> Vec3:
    return Vec3(*map(jnp.asarray, values))
