"""``diffsim-report`` gathers runs as they are: whole, under way, failed or damaged."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from benchmarks.saved_runs import HEADER, changed, config_of, descent, write_run
from diffsim.cli.report import with_folders_as_runs
from diffsim.experiment import metrics, trajectory
from diffsim.reporting import learning_curve, motion
from diffsim.reporting.config import ReportConfig
from diffsim.reporting.curves import band
from diffsim.reporting.differences import MOST_KEYS, differing_keys, short_texts, telling_keys
from diffsim.reporting.gather import RUNNING, gather
from diffsim.reporting.groups import compare
from diffsim.reporting.report import write_report
from diffsim.runs.salvage import read_whole_rows
from diffsim.validation import ConfigError
from tests.commands import diffsim_report


@pytest.fixture(scope="module")
def adam():
    return config_of("optimizer=adam")


@pytest.fixture(scope="module")
def cmaes():
    return config_of("optimizer=cmaes")


@pytest.fixture(scope="module")
def gait():
    return config_of("experiment=quadruped_gait")


def report(*folders: Path, **options) -> tuple[pd.DataFrame, pd.DataFrame, str, str]:
    """``runs.csv`` and ``summary.csv``, ``report.md`` and what the terminal shows."""
    console = Console(file=io.StringIO(), width=200)
    config = ReportConfig(runs=[str(folder) for folder in folders], **options)
    write_report(config, console)
    output = Path(config.output or folders[0] / "report")
    runs = pd.read_csv(output / "runs.csv", index_col="folder")
    summary = pd.read_csv(output / "summary.csv")
    return runs, summary, (output / "report.md").read_text(), console.file.getvalue()


def compared(folder: Path, metric: str | None = None):
    """The only group of the runs below a folder."""
    (comparison,) = compare(gather([folder]).runs, metric, None)
    (group,) = comparison.groups
    return group


# Groups


def test_seeds_of_adam_and_of_cmaes_are_one_group_each(tmp_path, adam, cmaes):
    for seed in range(3):
        losses = [9.0, 4.0, 2.0 + seed, 5.0]
        write_run(tmp_path / f"a{seed}", changed(adam, seed=seed), losses, succeeded=seed > 0)
        write_run(tmp_path / f"c{seed}", changed(cmaes, seed=seed), [9.0, 8.0], evaluations=16)
    runs, summary, text, shown = report(tmp_path)
    assert len(runs) == 6
    assert list(summary["optimizer"]) == ["adam", "cmaes"]  # the better one first
    first = summary.iloc[0]
    assert (first["seeds"], first["finished"], first["succeeded"]) == (3, 3, 2)
    assert first["metric"] == "loss"
    assert [first[f"best_{which}"] for which in ("median", "smallest", "largest")] == [3, 2, 4]
    assert first["final_median"] == 5
    assert list(summary["evaluations_median"]) == [4, 32]
    assert "| adam | 3 | 2 of 3 | 4 | 5 | 3 (2 to 4) | 5 |" in text
    assert "3 (2 to 4)" in shown


def test_a_row_has_everything_that_is_known_of_a_run(tmp_path, adam):
    config = changed(adam, seed=7)
    write_run(tmp_path / "job_0", config, [3.0, 1.0, 2.0], evaluations=4)
    runs, *_ = report(tmp_path)
    row = runs.loc["job_0"]
    assert row["name"] == "ball_adam"
    assert row["status"] == "finished"
    assert (row["seed"], row["iterations"], row["evaluations"], row["wall_s"]) == (7, 3, 12, 4.5)
    assert (row["final"], row["best"], row["loss_final"], row["loss_best"]) == (2, 1, 2, 1)
    assert row["succeeded"]
    assert row["result_position_error"] == 0.01
    assert row["result_spin_error"] == np.inf
    assert (row["commit"], row["device"], row["machine"]) == (
        "0123456789ab",
        "cpu",
        "Abacus, 2 cores",
    )
    assert pd.isna(row["note"])


def test_only_keys_that_differ_are_columns_and_repeats_of_a_seed_are_told(tmp_path, adam):
    for number, (rate, seed) in enumerate([(0.1, 0), (0.1, 0), (0.2, 0), (0.2, 1)]):
        config = changed(adam, optimizer__learning_rate=rate, seed=seed, name=f"n{number}")
        write_run(tmp_path / f"job_{number}", config, [1.0])
    runs, summary, text, _ = report(tmp_path)
    assert [column for column in runs.columns if "." in column] == ["optimizer.learning_rate"]
    assert list(summary["optimizer.learning_rate"]) == [0.1, 0.2]
    assert list(summary["seeds"]) == [1, 2]
    assert "| 0.1 | 1 (2 runs) |" in text


def test_what_comes_with_a_choice_is_not_a_key_but_what_differs_beside_it_is(adam, cmaes):
    assert differing_keys([adam, cmaes]) == ["optimizer"]
    faster = changed(adam, optimizer__learning_rate=9.0)
    configs = [adam, faster, cmaes]
    assert differing_keys(configs) == ["optimizer", "optimizer.learning_rate"]
    assert short_texts(configs, "optimizer") == ["adam", "adam", "cmaes"]
    assert short_texts(configs, "optimizer.learning_rate") == ["4", "9", "–"]


def test_seed_names_and_folders_make_no_difference_nor_does_null_for_a_missing_key(adam):
    other = changed(adam, seed=1, name="x", output_root="y", checkpoints__every=3)
    del other["optimizer"]["clip_norm"]
    del other["robot"]["joints"]
    assert adam["optimizer"]["clip_norm"] is None
    assert differing_keys([adam, other]) == []


def test_the_platform_counts_that_was_found_and_not_how_it_was_asked_for(tmp_path, adam):
    for number, (asked, found) in enumerate([("auto", "cpu"), ("cpu", "cpu"), ("auto", "gpu")]):
        config = changed(adam, device__platform=asked, seed=number)
        device = {"platform": found, "kind": found}
        write_run(tmp_path / f"{number}", config, [1.0], manifest={"device": device})
    summary = report(tmp_path)[1]
    assert dict(zip(summary["device.platform"], summary["runs"], strict=True)) == {
        "cpu": 2,
        "gpu": 1,
    }


def test_groups_that_differ_in_many_keys_are_numbered_and_described(tmp_path, adam):
    for number in range(16):
        one, two, three, four = (number >> place & 1 for place in range(4))
        values = {"batch": 1 + one, "robot__friction": 1.0 + two, "simulation__dt": 0.01 + three}
        config = changed(adam, optimizer__learning_rate=1.0 + four, **values)
        write_run(tmp_path / f"job_{number}", config, [1.0 + number])
    runs, summary, text, shown = report(tmp_path)
    assert list(summary["group"]) == list(runs["group"]) == list(range(1, 17))
    what = "friction 2, dt 0.01, learning_rate 1, batch 1"
    assert f"| 3 | {what} | 1 | 1 of 1 |" in text
    assert what in shown
    assert "| job_2 | finished | 3 | 0 |" in text
    assert {"robot.friction", "batch"} <= {*runs.columns} & {*summary.columns}


def test_keys_that_tell_nothing_more_are_not_in_labels(adam):
    configs = [changed(adam, batch=n, optimizer__iterations=10 * n) for n in (1, 2)]
    keys = differing_keys(configs)
    assert sorted(keys) == ["batch", "optimizer.iterations"]
    assert len(telling_keys(configs, keys)) == 1


def test_many_keys_are_summed_up_without_losing_a_difference(adam):
    light = {f"l{number}": {"a": {"b": number}} for number in range(MOST_KEYS + 1)}
    configs = [adam, changed(adam, robot__scenery=light), changed(adam, robot__scenery={})]
    assert differing_keys(configs) == ["robot.scenery"]
    first, second, third = short_texts(configs, "robot.scenery")
    assert (first, third) == ("–", "–")
    assert second == f"{{{MOST_KEYS + 1} entries}}"


def test_different_lists_that_look_alike_have_different_texts(adam):
    configs = [changed(adam, task__target=[*range(20), n]) for n in (5, 6, 7, 5)]
    texts = short_texts(configs, "task.target")
    assert texts == ["[21 entries]", "[21 entries] #2", "[21 entries] #3", "[21 entries]"]


def test_group_by_puts_together_what_has_the_same_of_these_keys(tmp_path, adam, cmaes):
    for batch in (1, 2):
        for name, config in (("a", adam), ("c", cmaes)):
            write_run(tmp_path / f"{name}{batch}", changed(config, batch=batch), [1.0])
    assert len(report(tmp_path)[1]) == 4
    _, summary, *_ = report(tmp_path, group_by=["optimizer.kind"])
    assert set(summary["optimizer.kind"]) == {"gradient", "cmaes"}
    assert list(summary["runs"]) == [2, 2]
    assert len(report(tmp_path, group_by=["optimizer.kind", "batch"])[1]) == 4
    assert list(report(tmp_path, group_by="batch")[1]["runs"]) == [2, 2]
    assert list(report(tmp_path, group_by=[])[1]["runs"]) == [4]


def test_runs_of_other_tasks_are_in_tables_and_pictures_of_their_own(tmp_path, adam, gait):
    write_run(tmp_path / "ball", adam, [2.0, 1.0])
    write_run(tmp_path / "gait", gait, [-1.0, -2.0], figures={"speed": [1.0, 2.0]})
    runs, summary, text, _ = report(tmp_path)
    assert list(runs["metric"]) == ["loss", "speed"]
    assert list(summary["group"]) == [1, 2]
    for picture in ("curves_throw_ball_loss.png", "curves_gait_spine_speed.png"):
        assert f"]({picture})" in text
        assert (tmp_path / "report" / picture).exists()


# Figures


def test_more_speed_is_better(tmp_path, gait):
    for name, speeds in {"slow": [0.2, 0.1], "fast": [0.5, 0.9], "fell": [0.7, -1.0]}.items():
        config = changed(gait, controller__activation=name)
        write_run(tmp_path / name, config, [-s for s in speeds], figures={"speed": speeds})
    runs, summary, *_ = report(tmp_path)
    assert list(runs["metric"]) == ["speed"] * 3
    assert dict(runs["best"]) == {"slow": 0.2, "fast": 0.9, "fell": 0.7}
    assert dict(runs["final"]) == {"slow": 0.1, "fast": 0.9, "fell": -1.0}
    assert list(summary["controller.activation"]) == ["fast", "fell", "slow"]


def test_older_manifests_do_not_say_what_figures_mean_and_the_kind_is_asked(tmp_path, gait):
    folder = write_run(tmp_path / "a", gait, [2.0, 1.0], figures={"speed": [0.7, 0.5]})
    _, now, _, _ = report(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["figures"], manifest["judged_by"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    _, before, text, _ = report(tmp_path)
    assert list(before["best_median"]) == list(now["best_median"]) == [0.7]
    assert "speed [m/s]" in text


def test_validation_counts_where_there_is_one_and_gaps_do_not(tmp_path):
    arm = config_of("experiment=arm_random")
    figures = {
        "end_distance": [1.0, 0.1, 0.1],
        "validation_end_distance": [0.9, None, 0.8],
    }
    write_run(tmp_path / "arm", arm, [1.0, 1.0, 1.0], figures=figures)
    row = report(tmp_path)[0].loc["arm"]
    assert row["metric"] == "validation_end_distance"
    assert (row["best"], row["final"]) == (0.8, 0.8)


def test_a_figure_without_a_better_way_is_shown_as_it_is(tmp_path, gait):
    figures = {"speed": [0.0, 0.0, 0.0], "height": [0.5, 0.2, 0.4]}
    write_run(tmp_path / "run", gait, [1.0, 1.0, 1.0], figures=figures)
    runs, *_ = report(tmp_path, metric="height")
    assert pd.isna(runs.loc["run", "best"])
    assert runs.loc["run", "final"] == 0.4
    assert list(band(compared(tmp_path, "height"), "evaluations").median) == [0.5, 0.2, 0.4]


def test_values_that_are_not_finite_are_not_the_best_and_are_told(tmp_path, adam):
    write_run(tmp_path / "run", adam, [3.0, float("inf"), 2.0, float("nan")])
    row = report(tmp_path)[0].loc["run"]
    assert (row["best"], row["iterations"]) == (2, 4)
    assert np.isnan(row["final"])
    assert row["note"] == "metrics.csv has 2 values of loss not finite"


# Curves


def test_the_median_is_over_seeds_of_the_best_so_far_on_one_grid(tmp_path, adam):
    # Best so far: 9 7 7, 8 6 5 and 6 6 4, after 1, 2 and 3 evaluations.
    for seed, losses in enumerate([[9.0, 7.0, 8.0], [8.0, 6.0, 5.0], [6.0, 6.5, 4.0]]):
        write_run(tmp_path / f"{seed}", changed(adam, seed=seed), losses)
    found = band(compared(tmp_path), "evaluations")
    assert list(found.x) == [1, 2, 3]
    assert list(found.median) == [8, 6, 5]
    assert list(found.smallest) == [6, 6, 4]
    assert list(found.largest) == [9, 7, 7]


def test_a_curve_ends_where_fewer_than_half_of_the_runs_went_on(tmp_path, adam):
    for seed, losses in enumerate([[5.0] * 2, [4.0, 3.0, 2.0, 1.0], [6.0] * 9]):
        write_run(tmp_path / f"{seed}", changed(adam, seed=seed), losses)
    found = band(compared(tmp_path), "evaluations")
    assert found.x[-1] == 4
    # The run of two evaluations keeps its best: 5, 1 and 6 are the last three.
    assert (found.smallest[-1], found.median[-1], found.largest[-1]) == (1, 5, 6)


def test_a_run_that_has_not_begun_counts_as_the_worst(tmp_path, adam):
    for seed, compiling in enumerate([1.0, 1.0, 2.2]):
        config, losses = changed(adam, seed=seed), [8.0 - seed, 1.0, 1.0, 1.0]
        write_run(tmp_path / f"{seed}", config, losses, compiling=compiling, seconds=1.0)
    found = band(compared(tmp_path), "wall_s")
    at_start = found.x == 2.0  # the third has its first row after 3.2 s
    assert (found.smallest[at_start], found.median[at_start]) == (7, 8)
    assert found.largest[at_start] == 8  # the worst that there is
    assert (np.diff(found.median) <= 0).all()


def test_pictures_show_something_and_the_text_names_them_by_relative_path(tmp_path, adam, cmaes):
    for seed in range(3):
        write_run(tmp_path / f"a{seed}", changed(adam, seed=seed), descent(40, 10.0 + seed))
        write_run(tmp_path / f"c{seed}", changed(cmaes, seed=seed), descent(30), evaluations=16)
    *_, text, _ = report(tmp_path)
    assert "](curves.png)" in text
    with Image.open(tmp_path / "report" / "curves.png") as picture:
        assert min(picture.size) > 300
        colors = {color for _, color in picture.convert("RGB").getcolors(1 << 20)}
    assert {(31, 119, 180), (255, 127, 14)} <= colors  # a line of each


def test_of_many_groups_the_best_eight_are_drawn_and_this_is_said(tmp_path, adam):
    for number in range(11):
        config = changed(adam, optimizer__learning_rate=0.1 * (number + 1))
        write_run(tmp_path / f"job_{number}", config, [30.0 - number, 20.0 - number])
    _, summary, text, shown = report(tmp_path)
    assert len(summary) == 11
    assert list(summary["best_median"]) == [10.0 + number for number in range(11)]
    for said in (text, shown):
        assert "the best 8 of 11 groups" in said


# Runs as they are


def test_runs_that_did_not_finish_are_taken_as_far_as_they_got(tmp_path, adam):
    cases = {
        "running": ("running", "", None),
        "stopped": ("interrupted", "by the user", None),
        "diverged": ("diverged", "the loss is not finite at iteration 2", None),
        "failed": ("failed", "RuntimeError: out of memory", None),
        "done": ("finished", "goal met", True),
    }
    for seed, (name, (status, reason, succeeded)) in enumerate(cases.items()):
        config = changed(adam, seed=seed)
        how = {"status": status, "reason": reason, "succeeded": succeeded}
        write_run(tmp_path / name, config, [2.0, 1.0], **how)
    runs, summary, text, shown = report(tmp_path)
    assert runs.loc["running", "status"] == RUNNING == "running (or killed)"
    assert "last row written" in runs.loc["running", "note"]
    assert runs.loc["failed", "note"] == "RuntimeError: out of memory"
    assert pd.isna(runs.loc["stopped", "succeeded"])
    assert str(runs.loc["diverged", "succeeded"]) == "False"
    assert str(runs.loc["done", "succeeded"]) == "True"
    assert (summary["runs"][0], summary["finished"][0], summary["succeeded"][0]) == (5, 1, 1)
    assert "5 (4 not finished)" in text
    for said in (text, shown):
        assert "the loss is not finite at iteration 2" in said
        assert "interrupted; by the user" in said
    assert "done:" not in shown


def test_a_last_line_that_was_cut_off_is_left_out_and_this_is_said(tmp_path, adam):
    folder = write_run(tmp_path / "run", adam, [3.0, 2.0, 1.0])
    content = (folder / "metrics.csv").read_bytes()
    (folder / "metrics.csv").write_bytes(content[:-1])  # whole to look at, but who knows
    runs, _, text, shown = report(tmp_path)
    assert (runs.loc["run", "iterations"], runs.loc["run", "best"]) == (2, 2)
    for said in (runs.loc["run", "note"], text, shown):
        assert "metrics.csv ends within a line, left out; 2 whole rows" in said
        assert "2 of 3 iterations" in said


@pytest.mark.parametrize(
    ("content", "rows", "note"),
    [
        ("", 0, "is empty"),
        (HEADER[:20], 0, "cut off in its first line"),
        (f"{HEADER}\n", 0, "no iteration yet"),
        (f"{HEADER}\n1,1,0.5,2.0,,,0\n2,2,0.", 1, "ends within a line"),
        (f"{HEADER}\n1,1,0.5,2.0,,,0\n2,2,\0\0\n3,3,1.5,1.0,,,0\n", 2, "1 damaged row"),
        (f"{HEADER}\n1,1,0.5,2.0,,,0\n2,2,1.0,1.0,,,0,7,7,7\n3,3,2.0,1,,,0\n", 2, "1 damaged row"),
        ("iteration,loss\n1,2.0\n", 0, "no column evaluations, wall_s"),
        (None, 0, "is missing"),
    ],
    ids=["empty", "header cut", "header", "row cut", "zeros", "too long", "other", "none"],
)
def test_damaged_metrics_give_their_whole_rows_and_a_note(content, rows, note, tmp_path, adam):
    path = write_run(tmp_path / "run", adam, [1.0]) / "metrics.csv"
    path.unlink()
    if content is not None:
        path.write_text(content)
    table, notes = read_whole_rows(path)
    assert len(table) == rows
    assert note in "; ".join(notes)
    runs, *_ = report(tmp_path)  # and a report is made of nothing else
    assert note in runs.loc["run", "note"]


def test_damaged_json_is_told_and_the_rest_is_used(tmp_path, adam):
    write_run(tmp_path / "good", adam, [1.0])
    for name in ("manifest", "status", "result"):
        folder = write_run(tmp_path / f"no_{name}", changed(adam, seed=1), [5.0, 4.0])
        path = folder / f"{name}.json"
        path.write_text(path.read_text()[:30])
    lost = tmp_path / "lost"
    lost.mkdir()
    (lost / "manifest.json").write_text("{")
    runs, summary, text, shown = report(tmp_path)
    assert sorted(runs.index) == ["good", "no_manifest", "no_result", "no_status"]
    assert runs.loc["no_status", "status"] == "unknown"
    assert pd.isna(runs.loc["no_result", "succeeded"])
    assert runs.loc["no_manifest", "loss_best"] == 4
    for name in ("manifest", "status", "result"):
        assert f"{name}.json cannot be read" in runs.loc[f"no_{name}", "note"]
    assert summary["runs"].sum() == 3
    for said in (text, shown):
        assert "lost" in said
        assert "left out: manifest.json cannot be read" in said


def test_a_run_that_lacks_the_metric_is_told(tmp_path, gait):
    write_run(tmp_path / "a", gait, [1.0], figures={"speed": [0.3]})
    write_run(tmp_path / "b", gait, [1.0])
    runs, summary, *_ = report(tmp_path)
    assert "no finite speed" in runs.loc["b", "note"]
    assert summary["best_median"][0] == 0.3


def test_runs_without_any_row_make_tables_and_no_picture(tmp_path, adam):
    write_run(tmp_path / "run", adam, [1.0], status="running", succeeded=None)
    (tmp_path / "run" / "metrics.csv").write_text("")
    runs, summary, text, _ = report(tmp_path)
    assert (len(runs), len(summary)) == (1, 1)
    assert "![" not in text
    assert not list((tmp_path / "report").glob("*.png"))


# Which folders are runs


def test_only_trainings_are_found_each_once_in_the_order_of_jobs(tmp_path, adam):
    sweep = tmp_path / "day" / "sweep"
    for number in (0, 2, 10):
        write_run(sweep / f"job_{number}", changed(adam, seed=number), [1.0])
    inside = sweep / "job_0"
    write_run(inside / "checkpoints" / "iteration_1", adam, [1.0])
    write_run(inside / "evaluations" / "now", adam, [1.0])
    bench = tmp_path / "bench"
    bench.mkdir()
    (bench / "manifest.json").write_text(json.dumps({"config": {"robot": {}, "bench": {}}}))
    found = gather([tmp_path, sweep, sweep / "job_2"])
    assert [run.place for run in found.runs] == [f"day/sweep/job_{n}" for n in (0, 2, 10)]
    assert found.left_out == []
    assert [run.place for run in gather([inside]).runs] == ["."]


def test_mixed_commits_machines_and_versions_are_told(tmp_path, adam):
    write_run(tmp_path / "a", adam, [1.0])
    assert "- Commit: 0123456789ab." in report(tmp_path)[2]
    other = {
        "git": {"commit": "f" * 40, "dirty": True},
        "machine": {"processor": "Slide rule", "cores": 1},
        "versions": {"jax": "0.10.3"},
    }
    write_run(tmp_path / "b", changed(adam, seed=1), [1.0], manifest=other)
    write_run(tmp_path / "c", changed(adam, seed=2), [1.0], manifest={"git": None})
    *_, text, _ = report(tmp_path)
    assert "Mixed commits:" in text
    assert "ffffffffffff+ (1 run)" in text
    assert "unknown (1 run)" in text
    assert "Mixed machines: Abacus, 2 cores, cpu (2 runs); Slide rule, 1 core, cpu" in text
    assert "Mixed versions" in text
    assert "jax 0.10.2 and 0.10.3" in text


# The command


@pytest.fixture(scope="module")
def sweep(tmp_path_factory, adam, cmaes) -> Path:
    """A folder with two folders of runs, one of them with a name that needs care."""
    folder = tmp_path_factory.mktemp("reports")
    write_run(folder / "out" / "job_0", adam, descent(20))
    write_run(folder / "it's, [more]" / "job_0", cmaes, descent(10), evaluations=16)
    (folder / "nothing").mkdir()
    (folder / "file").write_text("")
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ("out", "it's, [more]", "output=both"),
        ("output=both", "out", "it's, [more]"),
        (r"runs=[out,'it\'s, [more]']", "output=both"),
    ],
    ids=["folders", "folders behind", "value"],
)
def test_folders_are_given_by_themselves_or_as_a_value(arguments, sweep):
    done = diffsim_report(*arguments, folder=sweep)
    assert done.returncode == 0, done.stderr
    assert "Everything is in both" in done.stdout
    assert "\x1b" not in done.stdout
    runs = pd.read_csv(sweep / "both" / "runs.csv")
    assert sorted(runs["optimizer"]) == ["adam", "cmaes"]
    assert sorted(runs["folder"]) == ["it's, [more]/job_0", "out/job_0"]


def test_one_folder_is_a_value_too_and_the_report_is_written_into_it(sweep):
    done = diffsim_report("runs=out", folder=sweep)
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (sweep / "out" / "report").iterdir()}
    assert names == {"runs.csv", "summary.csv", "report.md", "curves.png"}


def test_options_keep_their_values():
    assert with_folders_as_runs(["a", "--cfg", "job", "b"]) == ["runs=['a','b']", "--cfg", "job"]
    assert with_folders_as_runs(["-cd", "mine", "~metric"]) == ["-cd", "mine", "~metric"]
    with pytest.raises(ConfigError, match="runs must be given once, got 'a' and 'runs=b'"):
        with_folders_as_runs(["a", "runs=b"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere",), ("runs", "'nowhere' does not exist")),
        (("file",), ("runs", "'file' is not a folder")),
        (("nothing",), ("runs must have a run's folder", "'nothing'")),
        ((), ("runs must be given",)),
        (("runs=[]",), ("runs", "at least one folder")),
        (("runs={a: b}",), ("runs must be a folder or a list of them",)),
        (("out", "runs=out"), ("runs must be given once",)),
        (("out", "metric=sped"), ("metric must be one of loss, grad_norm", "'sped'")),
        (("out", "group_by=[optimiser]"), ("group_by must be keys", "'optimiser'")),
        (("out", "group_by={a: 1}"), ("group_by must be a key or a list of them",)),
        (("out", "output=file"), ("output must be a folder", "'file'")),
        (("out", "colour=red"), ("colour", "group_by")),
        (("-m", "out"), ("--multirun",)),
    ],
    ids=lambda value: " ".join(value) or "none",
)
def test_bad_input_is_told_in_one_line(arguments, says, sweep):
    done = diffsim_report(*arguments, folder=sweep)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    for part in says:
        assert part in done.stderr, done.stderr


def test_help_shows_folders(sweep):
    done = diffsim_report("--help", folder=sweep)
    assert done.returncode == 0, done.stderr
    assert "diffsim-report outputs/a outputs/b" in done.stdout
    assert "group_by: null" in done.stdout


def test_a_report_is_made_without_jax(sweep):
    program = """
import sys
sys.argv = ["diffsim-report", "out", "output=light"]
from diffsim.cli.report import main
main()
assert "matplotlib" in sys.modules
assert "jax" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=sweep, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (sweep / "light" / "curves.png").exists()


def test_what_reporting_knows_of_files_is_what_is_written():
    """It may not import the modules that write them."""
    assert learning_curve.COMMON == metrics.COLUMNS
    assert set(motion.ROTATION) < set(trajectory.COLUMNS)
