"""All pictures of a run, from its files: those of the reporting, and a film strip by the camera."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from rich.console import Console

from diffsim.camera.film import Film
from diffsim.camera.pictures import chosen_for_strip, save_strip
from diffsim.experiment.config import RunConfig
from diffsim.experiment.device import computing_on
from diffsim.experiment.manifest import restore_config
from diffsim.experiment.paths import is_list
from diffsim.math.spatial import Motion, Pose, Twist
from diffsim.math.vectors import Mat3, Vec3
from diffsim.reporting.motion import cut_off, drawable_part
from diffsim.reporting.replay import Recording, read_motion
from diffsim.reporting.summary import write_plots
from diffsim.robots.config import RobotConfig
from diffsim.robots.replace import replace
from diffsim.robots.surfaces import surfaces_record
from diffsim.runs.folder import RunFolder
from diffsim.tasks.table import TASKS

FILMSTRIP = "filmstrip.png"
"""Name of the film strip in a run's folder."""


def draw(folder: Path, console: Console) -> None:
    """Draw the pictures of a run that has ended; no picture hides how it ended.

    Args:
        folder: of the run.
        console: where it is said that there are none, and why.
    """
    try:
        write_pictures(folder)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        console.print(f"no pictures: {reason}", soft_wrap=True, highlight=False, markup=False)


def write_pictures(folder: Path) -> list[Path]:
    """Draw the pictures of a run, as far as it got, its replay and its film strip; their paths."""
    run = RunFolder(folder)
    if run.has_trajectory and not run.surfaces_path.exists():  # of an earlier version
        config = restore_config(run.manifest()["config"])
        run.write_surfaces(surfaces_record(best_robot(config, run)))
    paths = write_plots(folder)
    if run.has_trajectory:
        paths += filter(None, [write_filmstrip(folder)])
    return paths


def write_filmstrip(folder: Path) -> Path | None:
    """Draw the motion after training, as far as it is finite, as images of a camera.

    Of a task whose motion repeats itself, as a gait, it shows the end alone.

    Args:
        folder: of a run.

    Returns:
        The path of the PNG; None if the motion is not finite at its start.

    Raises:
        ConfigError: if the run needs plugins that are not loaded.
    """
    run = RunFolder(folder)
    config = restore_config(run.manifest()["config"])
    table = run.trajectory("after")
    said, table = cut_off(table), drawable_part(table)
    if table.empty:
        return None
    recorded = read_motion(table)
    times = recorded.times
    shown = TASKS[config.task.kind].shown
    first = 0 if shown is None else int(np.searchsorted(times, times[-1] - shown, side="right"))
    frames = first + chosen_for_strip(len(times) - first)
    goal = run.goal()
    with computing_on(config.device, config.precision):
        film = Film(best_robot(config, run), None, None if goal is None else _vector(goal))
        images = film.shoot(recorded.names, _motion(recorded, frames))
    places = recorded.position[frames, :, 0].mean(axis=1)
    captions = [f"{times[k]:.2f} s, x = {x:.1f} m" for k, x in zip(frames, places, strict=True)]
    save_strip(folder / FILMSTRIP, images, captions, ", ".join(filter(None, [config.name, said])))
    return folder / FILMSTRIP


def best_robot(config: RunConfig, run: RunFolder) -> RobotConfig:
    """The robot of a run with the best numbers that it has found; its own before there are any."""
    if not run.has_result:
        return config.robot
    found = run.result()["variables"]
    values: dict[str, Any] = {}
    for name, variable in config.variables.items():
        if variable.path.startswith("robot.") and name in found:
            numbers = [float(value) for value in found[name]]
            values[variable.path] = numbers if is_list(config, variable.path) else numbers[0]
    return replace(config, values).robot


def _motion(recorded: Recording, frames: np.ndarray) -> Motion:
    """Poses of all parts at some times, components (frames, parts); velocities are left out."""
    position, rotation = recorded.position[frames], recorded.rotation[frames]
    still = _vector(np.zeros_like(position))
    columns = Mat3(*(_vector(rotation[..., k]) for k in range(3)))
    return Motion(Pose(_vector(position), columns), Twist(still, still))


def _vector(numbers: np.ndarray) -> Vec3:
    """Vector whose components are the last axis."""
    return Vec3(*(jnp.asarray(numbers[..., k]) for k in range(3)))
