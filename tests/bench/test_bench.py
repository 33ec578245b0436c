"""``diffsim-bench`` measures what it says, and the robots may be shared among devices."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from diffsim.bench.config import Cell, cells, check_bench
from diffsim.bench.measure import Machine, Measurement, measure_cell
from diffsim.bench.program import shard_devices
from diffsim.bench.results import markdown, row, with_ratios
from diffsim.cli.configuration import compose_bench_config
from diffsim.robots.replace import replace
from diffsim.validation import ConfigError
from tests.commands import diffsim_bench

SHORT = ("robot=cartpole", "bench.steps=20", "bench.repeats=1", "device=cpu")
# Sums in another order, over some steps in float32.
SHARDED = 1e-5


def test_by_default_there_are_the_eight_cells_of_the_paper_s_table():
    found = cells(compose_bench_config().bench)
    assert len(found) == len(set(found)) == 8
    assert found[0] == Cell("default", 1, "linear", False)
    assert found[-1] == Cell("default", 128, "dense", True)


OVERFLOWN = {"largest_gradient": float("nan")}


def measurement(*seconds: float) -> Measurement:
    return Measurement(list(seconds), 1, 1.0, 2.0, 1234, 1e9, 1e9, 10**6, None, 0.1, None)


def test_a_line_has_the_median_the_paper_s_figure_and_the_gradient_s_ratio():
    config, machine = compose_bench_config(), Machine(1e10, 1e10)
    forward, gradient = (Cell("default", 128, "linear", found) for found in (False, True))
    table = with_ratios(
        [
            row(config, forward, measurement(3.0, 1.0, 2.0), machine),
            row(config, gradient, dataclasses.replace(measurement(8.0), **OVERFLOWN), machine),
            row(config, gradient._replace(controller="dense"), "over 5 s", machine),
        ]
    )
    assert list(table["median_s"][:2]) == [2.0, 8.0]
    assert table["minimum_s"][0] == 1.0
    assert list(table["paper_cpu_s"]) == [47.7, 263.0, 311.0]
    assert table["gradient_to_forward"][1] == 4.0
    assert table["robot_steps_per_s"][0] == 64_000
    assert table["share_of_peak_operations"][0] == pytest.approx(0.05)
    assert table["note"][2] == "over 5 s"
    manifest = {
        "git": None,
        "precision": "float32",
        "machine": {"processor": "one", "cores": 2},
        "device": {"kind": "cpu"},
        "versions": {"jax": "0"},
        "python": "3",
        "created": "2000-01-01",
    }
    text = markdown(table, machine, manifest)
    assert "| over 5 s |" in text
    assert text.count("not finite") == 1


def test_another_robot_has_no_figure_of_the_paper():
    config = compose_bench_config("robot=cartpole")
    line = row(config, Cell("default", 1, "linear", False), measurement(1.0), Machine(1.0, 1.0))
    assert line["paper_cpu_s"] is None


@pytest.mark.parametrize("gradient", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_robots_shared_among_devices_get_as_far(gradient):
    config = replace(compose_bench_config(*SHORT), {"bench.hidden": [8]})
    cell = Cell("default", 4, "dense", gradient)
    alone, shared = (
        measure_cell(
            dataclasses.replace(config, bench=dataclasses.replace(config.bench, shards=count)), cell
        )
        for count in (1, 2)
    )
    assert (alone.devices, shared.devices) == (1, 2)
    assert shared.operations == pytest.approx(alone.operations, rel=0.05)
    assert alone.loss != 0.0
    assert shared.loss == pytest.approx(alone.loss, rel=SHARDED)
    if gradient:
        assert alone.largest_gradient
        assert shared.largest_gradient == pytest.approx(alone.largest_gradient, rel=SHARDED)


def test_what_takes_too_long_is_stopped():
    config = compose_bench_config(*SHORT, "bench.limit=0.5")
    with pytest.raises(TimeoutError, match=r"over 0\.5 s"):
        measure_cell(config, Cell("default", 1, "linear", False))


def test_a_gradient_that_cannot_fit_is_refused_with_figures():
    config = compose_bench_config(*SHORT, "bench.steps=1000000", "bench.robots=[4096]")
    with pytest.raises(
        RuntimeError, match=r"checkpoint=steps: .* about \d+ GB .*=nested needs less"
    ):
        measure_cell(config, Cell("default", 4096, "linear", True))


def test_the_command_writes_what_it_measures(tmp_path):
    done = diffsim_bench(
        *SHORT, "bench.robots=[1]", "bench.gradients=[false]", "bench.hidden=[4]", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    (folder,) = (path.parent for path in tmp_path.glob("outputs/bench/*/*/table1.csv"))
    table = pd.read_csv(folder / "table1.csv")
    assert list(table["controller"]) == ["linear", "dense"]
    assert (table["note"] == "timed").all()
    assert (table[["median_s", "compile_s", "operations", "peak_mb"]] > 0.0).all(axis=None)
    assert (folder / "manifest.json").exists()
    assert (folder / "table1.md").read_text().count("\n| default |") == 2
    assert str(folder) in done.stdout


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("bench.robots=[3]", "bench.shards=2"), "bench.robots must be multiples of bench.shards"),
        (("bench.robots=[]",), "bench.robots must not be empty"),
        (("bench.robots=[0]",), r"bench.robots\[0\] must be >= 1, got 0"),
        (("bench.controllers=[lstm]",), "must be one of linear, dense, got 'lstm'"),
        (("bench.solvers=[newton]",), "must be one of default, paper, got 'newton'"),
        (("robot=ball",), "robot.sensors must not be empty"),
    ],
)
def test_bad_settings_are_named(overrides, says):
    with pytest.raises(ConfigError, match=says):
        check_bench(compose_bench_config(*overrides))


def test_more_shards_than_devices_are_refused():
    settings = compose_bench_config("bench.shards=1000").bench
    with pytest.raises(ConfigError, match=r"bench\.shards must be at most \d+"):
        shard_devices(settings, 1000)
    assert len(shard_devices(settings, 1)) == 1
