"""An episode as a page that plays it in 3D: one HTML file, which needs a browser and nothing else.

The page is put together from ``replay.html``, ``replay.css``, ``replay_bodies.js`` (how bodies are
drawn), ``replay_scene.js`` (what else is) and ``replay_player.js`` (what is operated), with the
episode in it as JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from diffsim.reporting.motion import ROTATION, drawable_part
from diffsim.reporting.surfaces import DrawnSurface, drawn_surfaces
from diffsim.runs.folder import RunFolder

FRAME_RATE = 100.0
"""Most frames that are kept of a second of the episode; the page goes smoothly from one to the
next."""
DIGITS = 3
"""Digits that lengths keep, relative to the smallest surface, and forces, to a motor's limit."""

_PAGE = Path(__file__).with_name("replay.html")
_PARTS = ("replay.css", "replay_bodies.js", "replay_scene.js", "replay_player.js")


class Recording(NamedTuple):
    """Motion of the bodies, in the world frame.

    Attributes:
        names: of the bodies.
        times: [s], shape (times,).
        position: [m], shape (times, bodies, 3).
        rotation: body frame to world frame, shape (times, bodies, 3, 3).
    """

    names: Sequence[str]
    times: np.ndarray
    position: np.ndarray
    rotation: np.ndarray


class ContactReadings(NamedTuple):
    """Readings of contacts.

    Attributes:
        names: one for each.
        depth: [m], negative where the surfaces are apart, shape (times, contacts).
        touches: whether they touch, or did so in the step before, shape (times, contacts).
        place: of the contact in the world frame [m], shape (times, contacts, 3).
    """

    names: Sequence[str]
    depth: np.ndarray
    touches: np.ndarray
    place: np.ndarray


class MotorReadings(NamedTuple):
    """Readings of motors.

    Attributes:
        names: one for each.
        units: of their forces, "N·m" or "N".
        limits: largest force of each [N·m] or [N].
        force: shape (times, motors) [N·m] or [N].
    """

    names: Sequence[str]
    units: Sequence[str]
    limits: Sequence[float]
    force: np.ndarray


def write_replay(
    path: Path,
    title: str,
    about: str,
    surfaces: Mapping[str, Any],
    motion: Recording,
    goal: Sequence[float] | None = None,
    contacts: ContactReadings | None = None,
    motors: MotorReadings | None = None,
) -> Path:
    """Write the page; its path.

    An episode whose numbers stop being finite is shown as far as they are.

    Args:
        path: of the HTML file.
        title: the name of the run.
        about: what of it is shown, for people.
        surfaces: record of all surfaces of the robot and its scenery.
        motion: of the bodies.
        goal: where it is [m], if there is one.
        contacts, motors: what is told of them at the times of the motion.

    Raises:
        ValueError: if the motion is not finite even at its start.
    """
    drawn = drawn_surfaces(surfaces)
    digits = DIGITS - math.floor(math.log10(min(surface.size for surface in drawn)))
    others = [] if motors is None else [motors.force]
    others += [] if contacts is None else [contacts.depth, contacts.place]
    chosen = _frames(motion, others)
    position, rotation = _of_surfaces(motion, drawn)
    data: dict[str, Any] = {
        "title": title,
        "about": about,
        "times": _numbers(motion.times[chosen], 6),
        "meshes": [_mesh(mesh, digits) for mesh in surfaces["meshes"]],
        "bodies": [_surface(surface) for surface in drawn],
        "position": _numbers(position[chosen], digits),
        "quaternion": _numbers(quaternions(rotation[chosen]), 4),
        "scenery": [
            {
                **_surface(surface),
                "position": _numbers(surface.position, digits),
                "quaternion": _numbers(quaternions(surface.rotation), 6),
            }
            for surface in drawn_surfaces(surfaces, "scenery")
        ],
        "goal": None if goal is None else _numbers(np.asarray(goal), digits),
        "contacts": None,
        "motors": None,
    }
    if contacts is not None and contacts.names:
        data["contacts"] = {
            "names": list(contacts.names),
            "touching": [_touching(contacts, frame, digits) for frame in chosen],
        }
    if motors is not None and motors.names:
        data["motors"] = {
            "names": list(motors.names),
            "units": list(motors.units),
            "limits": [float(f"{limit:.6g}") for limit in motors.limits],
            "force": [
                _numbers(force, DIGITS - math.floor(math.log10(limit)))
                for force, limit in zip(motors.force[chosen].T, motors.limits, strict=True)
            ],
        }
    path.write_text(_page(data), encoding="utf-8")
    return path


def write_run_replay(folder: Path) -> Path | None:
    """The replay of the motion after training, in a run's folder; None if no state is finite."""
    run = RunFolder(folder)
    config, goal = run.manifest()["config"], run.goal()
    trajectory = drawable_part(run.trajectory("after"))
    if trajectory.empty:
        return None
    return write_replay(
        folder / "replay.html",
        config["name"],
        f"After training · {config['robot']['name']}",
        run.surfaces(),
        read_motion(trajectory),
        None if goal is None else goal.tolist(),
    )


def quaternions(rotation: np.ndarray) -> np.ndarray:
    """Unit quaternions (w, x, y, z) of rotation matrices, shapes (..., 4) and (..., 3, 3).

    Of the four ways to compute one, that which divides by the largest component.
    """
    entries = np.moveaxis(np.asarray(rotation, float), (-2, -1), (0, 1))
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = entries
    # Each row is the quaternion times four times one of its components.
    table = np.array(
        [
            [1.0 + xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, 1.0 + xx - yy - zz, yx + xy, xz + zx],
            [xz - zx, yx + xy, 1.0 - xx + yy - zz, zy + yz],
            [yx - xy, xz + zx, zy + yz, 1.0 - xx - yy + zz],
        ]
    )
    rows = np.moveaxis(table, (0, 1), (-2, -1))
    largest = np.argmax(np.diagonal(rows, axis1=-2, axis2=-1), axis=-1)
    best = np.take_along_axis(rows, largest[..., None, None], axis=-2)[..., 0, :]
    return best / np.linalg.norm(best, axis=-1, keepdims=True)


def read_motion(table: pd.DataFrame) -> Recording:
    """Motion of all bodies from a table with a row for each time and body."""
    names = list(dict.fromkeys(table["body"]))
    count = len(table) // len(names)
    return Recording(
        names,
        table["time"].to_numpy(float)[:: len(names)],
        table[["x", "y", "z"]].to_numpy(float).reshape(count, len(names), 3),
        table[list(ROTATION)].to_numpy(float).reshape(count, len(names), 3, 3),
    )


def _frames(motion: Recording, others: Sequence[np.ndarray]) -> np.ndarray:
    """Indices of the times that are kept: at most so many a second, and the last; all finite."""
    count = len(motion.times)
    numbers = [motion.position, motion.rotation, *others]
    flat = np.concatenate([np.asarray(n, float).reshape(count, -1) for n in numbers], axis=1)
    broken = np.flatnonzero(~np.isfinite(flat).all(axis=1))
    count = int(broken[0]) if broken.size else count
    if count == 0:
        raise ValueError("the motion must be finite at its start")
    times = motion.times[:count]
    slots = np.floor((times - times[0]) * FRAME_RATE + 1e-6)  # the first time in each is kept
    return np.union1d(np.unique(slots, return_index=True)[1], count - 1)


def _touching(contacts: ContactReadings, frame: int, digits: int) -> list[list[float]]:
    """Contacts that touch: number, depth [mm] and place [m] of each."""
    depth = 1e3 * np.maximum(contacts.depth[frame], 0.0)
    return [
        [k, round(float(depth[k]), 3), *_numbers(contacts.place[frame, k], digits)]
        for k in np.flatnonzero(contacts.touches[frame]).tolist()
    ]


def _numbers(values: np.ndarray, digits: int) -> list[float]:
    """All numbers in a row, so many digits behind the point."""
    rounded = np.round(np.asarray(values, float), digits) + 0.0  # + 0.0: no minus before a zero
    numbers: list[float] = rounded.ravel().tolist()
    return numbers


def _of_surfaces(
    motion: Recording, surfaces: Sequence[DrawnSurface]
) -> tuple[np.ndarray, np.ndarray]:
    """Positions [m] and rotations of all surfaces, shapes (times, surfaces, 3) and (…, 3, 3)."""
    places, turns = [], []
    for surface in surfaces:
        body = list(motion.names).index(surface.body)
        rotation = motion.rotation[:, body]
        places.append(motion.position[:, body] + rotation @ surface.position)
        turns.append(rotation @ surface.rotation)
    return np.stack(places, axis=1), np.stack(turns, axis=1)


def _surface(surface: DrawnSurface) -> dict[str, Any]:
    return {"name": surface.name, "mesh": surface.mesh, "colors": surface.colors}


def _mesh(mesh: Mapping[str, Any], digits: int) -> dict[str, Any]:
    """A mesh with all its numbers in a row."""
    return {
        "vertices": _numbers(mesh["vertices"], digits),
        "triangles": np.ravel(mesh["triangles"]).tolist(),
        "second": mesh["second"],
    }


def _page(data: Mapping[str, Any]) -> str:
    """The page. No name in the data can end the element that holds it: it has no "<"."""
    page = _PAGE.read_text(encoding="utf-8")
    for name in _PARTS:
        page = page.replace(f"/* {name} */", _PAGE.with_name(name).read_text(encoding="utf-8"))
    content = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return page.replace('"data of the episode"', content)
