"""The page that plays an episode: what it is told, and that it plays in a browser."""

from __future__ import annotations

import io
import json
import re
import shutil
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from diffsim.reporting.replay import (
    ContactReadings,
    MotorReadings,
    Recording,
    quaternions,
    write_replay,
    write_run_replay,
)
from diffsim.robots.appearance import PlaneConfig, TextureConfig
from diffsim.robots.config import BodyConfig, RobotConfig
from diffsim.robots.surfaces import surfaces_record

HOSTILE = "</script><script>window.broken = true</script><img src=x onerror='window.broken = true'>"
PLAIN = TextureConfig(pattern="plain", colors=[[0.9, 0.1, 0.1], [0.0, 0.0, 0.0]])
WALL = PlaneConfig(
    position=[0.0, 1.0, 0.5],
    orientation=[1.0, 1.0, 0.0, 0.0],
    size=[2.0, 1.0],
    limited=True,
    texture=PLAIN,
)
ROBOT = RobotConfig(
    name="pair",
    bodies={
        HOSTILE: BodyConfig(shape="sphere", radius=0.2, texture=PLAIN),
        "box": BodyConfig(shape="box", size=[0.3, 0.2, 0.4]),
    },
    scenery={"wall": WALL},
)
SURFACES = surfaces_record(ROBOT)
DT, STEPS = 0.005, 200
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def turns(angle):
    """Rotations about z, shape (..., 3, 3)."""
    c, s, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    rows = [[c, -s, zero], [s, c, zero], [zero, zero, one]]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def episode(bodies=2, steps=STEPS, dt=DT):
    """The bodies go along x and turn about z."""
    times = np.arange(steps + 1) * dt
    along = times[:, None] + np.arange(bodies)
    position = np.stack([along, 0.0 * along, 0.2 + 0.0 * along], axis=-1)
    return Recording(list(ROBOT.bodies)[:bodies], times, position, turns(3.0 * along))


def readings(steps=STEPS):
    """One of two contacts touches in the second half; a motor goes from one limit to the other."""
    late = np.arange(steps + 1) >= steps // 2
    depth = np.where(late, 0.0012344, -0.3)[:, None] * [1.0, 0.0] - [0.0, 1.0]
    place = np.broadcast_to([0.5, 0.0, 0.0], (steps + 1, 2, 3))
    contacts = ContactReadings([HOSTILE, "never"], depth, depth > 0.0, place)
    force = np.linspace(-60.0, 60.0, steps + 1)[:, None]
    return contacts, MotorReadings(["hip"], ["N·m"], [60.0], force)


def data_of(page):
    """What the page has been told."""
    return json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)[1])


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("replay") / "replay.html"
    write_replay(path, HOSTILE, "an episode", SURFACES, episode(), [1.5, 0.0, 0.3], *readings())
    return path


def test_what_the_page_is_told_is_what_happened(page):
    data, motion = data_of(page.read_text()), episode()
    contacts, motors = readings()
    assert data["title"] == HOSTILE
    assert data["times"] == pytest.approx(np.arange(101) * 0.01)  # every other time
    kept = slice(None, None, 2)
    position = np.array(data["position"]).reshape(-1, 2, 3)
    assert position == pytest.approx(motion.position[kept], abs=5e-5)
    rotation = np.array(data["quaternion"]).reshape(-1, 2, 4)
    assert np.abs(np.sum(rotation * quaternions(motion.rotation)[kept], axis=-1)) == pytest.approx(
        np.ones(rotation.shape[:2]), abs=1e-4
    )
    corners = [np.reshape(mesh["vertices"], (-1, 3)) for mesh in data["meshes"]]
    extents = [np.ptp(corners[body["mesh"]], axis=0) for body in data["bodies"]]
    np.testing.assert_allclose(extents, [[0.4, 0.4, 0.4], [0.3, 0.2, 0.4]], atol=1e-4)
    assert [body["colors"] for body in data["bodies"]] == [[[0.9, 0.1, 0.1]], None]
    assert [plane["name"] for plane in data["scenery"]] == ["wall"]
    assert data["goal"] == [1.5, 0.0, 0.3]
    assert data["contacts"]["names"] == contacts.names
    assert data["contacts"]["touching"][49:51] == [[], [[0, 1.234, 0.5, 0.0, 0.0]]]
    assert data["motors"]["force"][0] == pytest.approx(motors.force[kept, 0], abs=0.005)
    assert data["motors"]["limits"] == [60.0]


def test_no_name_ends_the_data_early(page):
    text = page.read_text()
    assert HOSTILE not in text
    assert text.count("</script>") == text.count("<script") == 2


def test_quaternions_are_those_of_the_rotations():
    rng = np.random.default_rng(0)
    given = rng.normal(size=(100, 4))
    given[:8] = np.vstack([np.eye(4), [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 1]]])
    given /= np.linalg.norm(given, axis=1, keepdims=True)
    w, v = given[:, 0], given[:, 1:]
    cross = np.cross(v[:, None], np.eye(3)[None], axisc=1)  # times a vector: v × it
    outer = v[:, :, None] * v[:, None, :]
    scale = (2.0 * w**2 - 1.0)[:, None, None]
    rotation = scale * np.eye(3) + 2.0 * outer + 2.0 * w[:, None, None] * cross
    assert np.linalg.det(rotation) == pytest.approx(np.ones(100))
    same = np.sum(quaternions(rotation) * given, axis=1)
    assert np.abs(same) == pytest.approx(np.ones(100))


def test_a_replay_is_small(tmp_path):
    bodies = {f"body_{k}": BodyConfig(shape="sphere", radius=0.05) for k in range(9)}
    surfaces = surfaces_record(RobotConfig(name="nine", bodies=bodies))
    rng = np.random.default_rng(0)
    position, angle = rng.normal(size=(301, 9, 3)), rng.normal(size=(301, 9))
    motion = Recording(list(bodies), np.arange(301) * 0.01, position, turns(angle))
    path = write_replay(tmp_path / "replay.html", "nine", "", surfaces, motion)
    assert path.stat().st_size < 300_000


def test_an_episode_that_breaks_is_shown_until_it_does(tmp_path):
    motion = episode()
    motion.position[100:] = np.nan
    path = write_replay(tmp_path / "replay.html", "broken", "", SURFACES, motion)
    assert data_of(path.read_text())["times"][-1] == pytest.approx(99 * DT)
    motion.position[0] = np.nan
    with pytest.raises(ValueError, match="finite at its start"):
        write_replay(path, "broken", "", SURFACES, motion)


def test_a_run_is_replayed_from_its_files(tmp_path):
    motion = episode()
    rows = np.concatenate(
        [motion.position, motion.rotation.reshape(*motion.position.shape[:2], 9)], axis=2
    )
    table = pd.DataFrame(
        rows.reshape(-1, 12),
        columns=["x", "y", "z", *(f"r_{a}{b}" for a in "xyz" for b in "xyz")],
    )
    table.insert(0, "body", motion.names * len(motion.times))
    table.insert(0, "time", np.repeat(motion.times, 2))
    table.to_csv(tmp_path / "trajectory_after.csv", index=False)
    config = {"name": "mine", "robot": {"name": "pair"}}
    (tmp_path / "surfaces.json").write_text(json.dumps(SURFACES))
    (tmp_path / "manifest.json").write_text(json.dumps({"config": config}))
    (tmp_path / "result.json").write_text(json.dumps({"goal": [1.0, 0.0, 0.0]}))
    again = data_of(write_run_replay(tmp_path).read_text())
    direct = write_replay(
        tmp_path / "direct.html", "mine", "After training · pair", SURFACES, motion, [1.0, 0.0, 0.0]
    )
    assert again == data_of(direct.read_text())


class Session:
    """A page in a browser, with all that it has asked for and complained about."""

    def __init__(self, page):
        self.page, self.requests, self.complaints = page, [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def picture(self):
        """What the canvas shows, shape (height, width, 3)."""
        self.page.wait_for_timeout(100)  # a few frames
        image = self.page.locator("#view").screenshot()
        return np.asarray(Image.open(io.BytesIO(image)).convert("RGB"), int)

    def time(self):
        """That the page shows [s]."""
        return float(self.page.locator("#time").inner_text().split()[0])


@pytest.fixture(scope="module")
def session(page):
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        session = Session(browser.new_page(viewport={"width": 1280, "height": 720}))
        session.page.goto(page.as_uri())
        yield session
        browser.close()


def test_the_scene_is_drawn_and_changes_with_time(session):
    first = session.picture()
    colors = np.unique(first.reshape(-1, 3), axis=0)
    assert len(colors) > 100
    # The red ball and the red cross of the goal.
    assert ((first[..., 0] > 150) & (first[..., 1] < 90) & (first[..., 2] < 90)).sum() > 500
    session.page.locator("#slider").fill("0.75")
    assert session.time() == 0.75
    assert (np.abs(session.picture() - first).max(axis=2) > 20).sum() > 500


@pytest.mark.parametrize("time", [0.0, 0.37, 0.375, 1.0])  # one of them between two frames
def test_bodies_are_where_they_were(session, time):
    motion, step = episode(), round(time / DT)
    for k, pose in enumerate(session.page.evaluate(f"() => posesAt({time})")):
        assert pose["position"] == pytest.approx(motion.position[step, k], abs=1e-4)
        assert np.array(pose["axes"]) == pytest.approx(motion.rotation[step, k].T, abs=2e-4)


def test_contacts_and_motors_follow_the_time(session):
    for time, force, depth in (
        (0.2, "−36.00 / 60 N·m", "apart"),
        (0.8, "36.00 / 60 N·m", "1.23 mm"),
    ):
        session.page.locator("#slider").fill(str(time))
        session.page.wait_for_timeout(100)
        assert session.page.locator("#motors .value").all_inner_texts() == [force]
        assert session.page.locator("#contacts .value").all_inner_texts() == [depth, "apart"]
        assert session.page.locator("#contacts .touches").count() == (depth != "apart")


def test_it_plays_and_stops(session):
    session.page.locator("#slider").fill("0")
    session.page.locator("#speed").select_option("0.25")
    session.page.locator("#play").click()
    session.page.wait_for_function("() => parseFloat(document.getElementById('time').value) > 0.05")
    session.page.keyboard.press(" ")
    stopped = session.time()
    assert 0.05 < stopped < 1.0
    session.page.wait_for_timeout(100)
    assert session.time() == stopped
    session.page.locator("#speed").select_option("4")
    session.page.locator("#play").click()
    # It stops by itself at the end.
    session.page.wait_for_function("() => document.getElementById('play').innerText === 'Play'")
    assert session.time() == 1.0


def test_the_view_turns_moves_zooms_and_comes_back(session):
    mouse = session.page.mouse
    views = [session.picture()]
    for button, modifier in (("left", None), ("left", "Shift"), ("right", None)):
        mouse.move(500, 300)
        if modifier:
            session.page.keyboard.down(modifier)
        mouse.down(button=button)
        mouse.move(580, 260, steps=4)
        mouse.up(button=button)
        if modifier:
            session.page.keyboard.up(modifier)
        views.append(session.picture())
    mouse.wheel(0, -300)
    views.append(session.picture())
    session.page.locator("#follow").click()
    views.append(session.picture())
    for before, after in pairwise(views):
        assert (np.abs(after - before).max(axis=2) > 20).sum() > 500
    session.page.locator("#reset").click()
    assert not (np.abs(session.picture() - views[0]).max(axis=2) > 20).any()


def test_hostile_names_are_shown_and_do_nothing(session):
    assert session.page.locator("#title").inner_text() == HOSTILE
    assert session.page.locator("#contacts .name").first.inner_text() == HOSTILE
    assert session.page.title().startswith(HOSTILE)
    assert session.page.evaluate("() => window.broken === undefined")


def test_nothing_is_asked_of_a_network_and_nothing_complained_about(session, page):
    """The last one: of all that has happened to the page."""
    assert session.requests == [page.as_uri()]
    assert session.complaints == []
