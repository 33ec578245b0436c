"""The reproduction of the paper: its plan, its jobs, and the report of what there is."""

from __future__ import annotations

import math
import re

import pandas as pd
import pytest
from rich.console import Console

from benchmarks.paper.plan import SCALES, plan
from benchmarks.paper.report import write_report
from benchmarks.paper.rows import EXPERIMENTS, Row, Runs, _each, rows, spread
from tests.test_documents import SCHEMAS, composed

QUIET = Console(quiet=True)
NAN = math.nan


def row(*values, paper=10.0, more=False):
    return Row(1, "figure", "s", paper, values, (), more)


@pytest.mark.parametrize(
    "name", ["smoke", *(pytest.param(name, marks=pytest.mark.slow) for name in ("gpu", "cpu"))]
)
def test_every_command_of_a_plan_is_one_that_its_program_takes(name, tmp_path):
    jobs = [job for chain in plan(SCALES[name], tmp_path) for job in chain.jobs]
    assert len({job.name for job in jobs}) == len({job.folder for job in jobs}) == len(jobs)
    different = {(job.program, re.sub(r"\d+", "", job.command)): job for job in jobs}
    for job in different.values():
        name = job.program.removeprefix("diffsim-")
        for config in composed(name, list(job.overrides)):
            SCHEMAS[name][1](config)
            if name == "eval":
                assert config.run in {str(job.folder) for job in jobs}


def test_all_scales_have_all_experiments(tmp_path):
    for scale in SCALES.values():
        assert {found.experiment for found in rows(scale, tmp_path)} == set(EXPERIMENTS)


def test_a_figure_is_met_by_the_median_of_its_runs():
    assert row(9.0, 8.0, 12.0).verdict == "met, 2 of 3"
    assert row(9.0, 8.0).verdict == "met"
    assert row(9.0, NAN, NAN).verdict == "**not met**, 1 of 3"
    assert math.isnan(row(9.0, NAN, NAN).median)
    assert row(9.0, NAN, NAN, more=True).verdict == "**not met**"
    assert row(20.0, 30.0, NAN, more=True).verdict == "met, 2 of 3"
    assert row().verdict == "**missing**"
    assert row(1.0, paper=None).verdict == "–"
    assert row(5.0).ratio == 2.0
    assert row(5.0, more=True).ratio == 0.5


def test_spreads_say_how_many_got_there():
    assert spread(row(35.0, 33.0, 36.0)) == "35 (33 to 36)"
    assert spread(row(35.0, 33.0, NAN)) == "35 (33 to 35, 2 of 3)"
    assert spread(row(NAN, 33.0, NAN)) == "never (33 to 33, 1 of 3)"
    assert spread(row(1.4265, more=True)) == "1.43"
    assert spread(row(NAN)) == "never"
    assert spread(row()) == "–"


def test_figures_come_from_the_files_of_the_runs(tmp_path):
    for seed, reached in enumerate((30, 40)):
        folder = tmp_path / f"arm_fixed_{seed}"
        folder.mkdir()
        distance = [0.5] * (reached - 1) + [0.03] * 5
        count = len(distance)
        pd.DataFrame(
            {
                "iteration": range(1, count + 1),
                "evaluations": range(1, count + 1),
                "wall_s": [10.0 + 0.5 * n for n in range(count)],
                "end_distance": distance,
            }
        ).to_csv(folder / "metrics.csv", index=False)
        (folder / "job.json").write_text("{}")
    (tmp_path / "arm_fixed_2").mkdir()  # not done: without a record
    found = {row.what: row for row in rows(SCALES["cpu"], tmp_path) if row.experiment == 3}
    assert found["evaluations to 4 cm"].values == (30.0, 40.0)
    assert found["evaluations to 4 cm"].jobs == ("arm_fixed_0", "arm_fixed_1")
    assert found["evaluations to 1 cm"].verdict == "**not met**"
    assert found["seconds an evaluation with gradient"].median == pytest.approx(0.5)


def test_a_report_of_nothing_says_that_all_is_missing(tmp_path):
    path = write_report("cpu", tmp_path, {"ball_adam_0": "no such thing"})
    text = path.read_text()
    assert "- ball_adam_0: failed: no such thing" in text
    assert text.count("**missing**") == 2 * sum(
        row.paper is not None and not row.detail for row in rows(SCALES["cpu"], tmp_path)
    ) + sum(row.paper is None or row.detail for row in rows(SCALES["cpu"], tmp_path))
    page = (tmp_path / "REPORT.html").read_text()
    assert page.count("<table>") == 2 + len(EXPERIMENTS)
    assert (tmp_path / "cpu" / "REPORT.md").exists()


def test_a_training_that_is_not_evaluated_yet_is_left_out_of_what_evaluations_say(tmp_path):
    for number in (0, 1):
        run = tmp_path / f"arm_random_{number}"
        run.mkdir()
        (run / "job.json").write_text("{}")
    done = tmp_path / "arm_random_1" / "evaluations" / "fresh"
    done.mkdir(parents=True)
    (done / "evaluation.json").write_text('{"mean": {"end_distance": 0.02}}')
    found = _each(Runs(tmp_path), "arm_random", lambda name: 1.0, "fresh")
    assert found == ((1.0,), ("arm_random_1",))
