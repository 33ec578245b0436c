"""A watched episode as a page that plays it, with what contacts and motors do."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np

from diffsim.evaluation.soundness import Watched
from diffsim.experiment.experiment import Experiment
from diffsim.reporting.replay import ContactReadings, MotorReadings, Recording, write_replay
from diffsim.robots.actuators import actuators
from diffsim.robots.surfaces import surfaces_record


def save_replay(
    path: Path, experiment: Experiment, x: jax.Array, seen: Watched, about: str
) -> None:
    """Write the page of an episode.

    Args:
        path: of the HTML file.
        experiment: that was watched.
        x: the point at which it was: the robot's sizes may be among the variables.
        seen: of all states, with a leading axis of time.
        about: what is shown, for people.
    """
    best = experiment.variables.unpack(x).config
    robot = best.robot
    position = np.asarray(seen.motion.pose.position.stack())
    goal = experiment.watched_goal()
    motors = actuators(robot)[len(robot.thrusters) :]
    # What is alike is told together.
    contacts = sorted(
        range(len(experiment.contact_names)), key=experiment.contact_names.__getitem__
    )
    drives = [experiment.drive_names.index(motor.name) for motor in motors]
    write_replay(
        path,
        best.name,
        f"{about} · {robot.name} · time step {float(best.simulation.dt):g} s",
        surfaces_record(robot),
        Recording(
            names=experiment.part_names,
            times=np.arange(len(position)) * float(best.simulation.dt),
            position=position,
            rotation=np.asarray(seen.motion.pose.rotation.stack()).reshape(*position.shape, 3),
        ),
        None if goal is None else [float(component) for component in goal],
        ContactReadings(
            names=[experiment.contact_names[k] for k in contacts],
            depth=np.asarray(seen.depth)[:, contacts],
            touches=np.asarray(seen.touches)[:, contacts],
            place=np.asarray(seen.place.stack())[:, contacts],
        ),
        MotorReadings(
            names=[motor.name for motor in motors],
            units=[motor.force_unit for motor in motors],
            limits=[float(motor.max_force) for motor in motors],
            force=np.asarray(seen.force)[:, drives],
        ),
    )
