"""The paper's first experiment, from zero velocity and spin, by all three methods."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from diffsim.cli.configuration import compose_config
from diffsim.experiment.runner import run

# The paper's measure of success [m], [m/s].
GOAL = 0.01
# Figures of the paper: BPTT 88 iterations, CMA-ES 2,422 evaluations.
PAPER_ITERATIONS = 88
PAPER_EVALUATIONS = 2422
# A second-order method on nine residuals needs about ten iterations.
SECOND_ORDER_ITERATIONS = 15


def assert_rests_at_the_target(folder) -> None:
    """Judge the trajectory itself, not what the run says of it."""
    last = pd.read_csv(folder / "trajectory_after.csv").iloc[-1]
    radius = 0.5
    assert last["time"] == pytest.approx(5.0)
    assert np.linalg.norm([last["x"] - 10.0, last["y"], last["z"] - radius]) < GOAL
    assert np.linalg.norm(last[["v_x", "v_y", "v_z"]].to_numpy(float)) < GOAL
    assert radius * np.linalg.norm(last[["omega_x", "omega_y", "omega_z"]].to_numpy(float)) < GOAL


def test_adam_solves_it_from_zero_in_fewer_iterations_than_the_paper(ball_run):
    first = pd.read_csv(ball_run.folder / "trajectory_before.csv").iloc[0]
    assert (first[["v_x", "v_y", "v_z", "omega_x", "omega_y", "omega_z"]] == 0.0).all()
    metrics = pd.read_csv(ball_run.folder / "metrics.csv")
    assert len(metrics) <= PAPER_ITERATIONS
    assert_rests_at_the_target(ball_run.folder)


def test_levenberg_marquardt_solves_it_in_about_ten_iterations(tmp_path):
    result = run(compose_config("optimizer=lm", "device=cpu"), tmp_path, Console(quiet=True))
    assert result.succeeded
    assert result.iterations <= SECOND_ORDER_ITERATIONS
    assert_rests_at_the_target(tmp_path)


def test_cma_es_solves_it_without_gradients(tmp_path):
    result = run(compose_config("optimizer=cmaes", "device=cpu"), tmp_path, Console(quiet=True))
    assert result.succeeded
    assert result.evaluations <= PAPER_EVALUATIONS
    assert_rests_at_the_target(tmp_path)


def test_the_ball_stays_where_it_rests(ball_run):
    # Twice as long as it was trained for, with the throw that was found.
    variables = json.loads((ball_run.folder / "result.json").read_text())["variables"]
    config = compose_config(
        "task.duration=10",
        "device=cpu",
        f"robot.bodies.ball.velocity={variables['velocity']}",
        f"robot.bodies.ball.angular_velocity={variables['spin']}",
        "optimizer.iterations=1",
    )
    folder = ball_run.folder / "longer"
    folder.mkdir()
    run(config, folder, Console(quiet=True))
    path = pd.read_csv(folder / "trajectory_before.csv")
    rest = path[path["time"] >= 5.0]
    # What is left of its speed carries it on: at most 0.01 m/s for 5 s.
    assert np.ptp(rest["x"]) < 5 * GOAL
    assert np.ptp(rest["z"]) < 1e-4
