"""Numbers that are not finite are cut off, counted and said; no picture fails because of them."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from benchmarks.saved_runs import config_of, write_run
from diffsim.experiment.pictures import write_pictures
from diffsim.experiment.trajectory import COLUMNS
from diffsim.reporting.motion import cut_off, drawable_part
from diffsim.reporting.summary import print_summary
from diffsim.runs.folder import RunFolder

NAN, INF = float("nan"), float("inf")
TIMES = 50


@pytest.fixture(scope="module")
def ball():
    return config_of("robot=ball")


def write_trajectory(folder, which, broken=TIMES, value=NAN):
    """A ball that flies; from a time step on its height has this value."""
    table = pd.DataFrame(0.0, index=range(TIMES), columns=list(COLUMNS)).astype({"body": object})
    table["time"], table["body"] = np.arange(TIMES) * 0.01, "ball"
    table["x"] = table["z"] = np.linspace(0.5, 3.0, TIMES)
    table[["r_xx", "r_yy", "r_zz"]] = 1.0
    table.loc[broken:, "z"] = value
    table.to_csv(folder / f"trajectory_{which}.csv", index=False, na_rep="nan")


def replayed(folder):
    """The data of a replay."""
    page = (folder / "replay.html").read_text()
    return json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)[1])


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("which", ["before", "after", "both"])
def test_a_motion_is_drawn_as_far_as_it_is_finite(which, value, ball, tmp_path):
    folder = write_run(tmp_path / "run", ball, [3.0, 2.0], succeeded=None)
    for name in ("before", "after"):
        write_trajectory(folder, name, 20 if which in (name, "both") else TIMES, value)
    paths = write_pictures(folder)
    assert [path.name for path in paths] == [
        *("learning_curve.png", "trajectory.png", "replay.html", "filmstrip.png")
    ]
    for path in (path for path in paths if path.suffix == ".png"):
        assert np.asarray(Image.open(path).convert("L"), float).std() > 2.0
    assert max(replayed(folder)["times"]) == pytest.approx(0.49 if which == "before" else 0.19)
    table = RunFolder(folder).trajectory("before" if which == "before" else "after")
    assert cut_off(table) == "not finite from 0.2 s on"
    assert len(drawable_part(table)) == 20
    assert not list(folder.glob(".*"))


def test_of_a_motion_that_is_not_finite_at_its_start_there_is_no_film(ball, tmp_path):
    folder = write_run(tmp_path / "run", ball, [3.0, 2.0], succeeded=None)
    for name in ("before", "after"):
        write_trajectory(folder, name, 0)
    assert [path.name for path in write_pictures(folder)] == [
        "learning_curve.png",
        "trajectory.png",
    ]


def test_a_body_that_is_lost_in_space_is_drawn(ball, tmp_path):
    """As far as a thousand kilometres, with no more lines on the ground than can be seen."""
    for number, far in enumerate([1e6, 1e30]):
        folder = write_run(tmp_path / str(number), ball, [3.0, 2.0], succeeded=None)
        for name in ("before", "after"):
            write_trajectory(folder, name, 20, far)
        assert len(write_pictures(folder)) == 4
        said = "more than 1000 km away from 0.2 s on" if far > 1e6 else ""
        assert cut_off(RunFolder(folder).trajectory("after")) == said


@pytest.mark.parametrize(
    "losses",
    [
        [3.0, NAN, 2.0, INF],
        [NAN, NAN, NAN, NAN],
        [INF, INF, -INF, INF],
        [1e300, 1e-300, 5.0, NAN],
        [-1.0, NAN, INF, -2.0],
    ],
)
@pytest.mark.parametrize("last", [NAN, INF, -INF, 0.5])
def test_a_learning_curve_is_drawn_of_what_is_finite(losses, last, ball, tmp_path):
    figures = {"end_distance": [1.0, 0.5, INF, last], "validation_speed": [NAN, None, None, last]}
    folder = write_run(tmp_path / "run", ball, losses, figures=figures, succeeded=None)
    (path,) = write_pictures(folder)
    assert Image.open(path).size[0] > 100


def test_a_summary_has_numbers_that_json_has_not(ball, tmp_path, capsys):
    folder = write_run(tmp_path / "run", ball, [3.0, 2.0], succeeded=False)
    result = json.loads((folder / "result.json").read_text())
    result |= {"loss": "inf", "variables": {"spin": ["nan", 1.0]}}
    result["metrics"] = {"position_error": "nan", "spin_error": "-inf"}
    (folder / "result.json").write_text(json.dumps(result))
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"precision": "float32"}))
    print_summary(folder, Console())
    shown = capsys.readouterr().out
    for text in ("goal not met", "inf", "-inf", "nan, 1"):
        assert text in shown
