"""``diffsim-eval`` measures what a run has learned, again and elsewhere."""

from __future__ import annotations

import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from diffsim.cli.configuration import compose_config
from diffsim.evaluation.config import EvalConfig
from diffsim.evaluation.runner import load_run, run_eval
from diffsim.experiment.divergence import DivergedError
from diffsim.experiment.experiment import Experiment
from diffsim.experiment.pictures import write_pictures
from diffsim.experiment.runner import run
from diffsim.runs.folder import RunFolder
from diffsim.tasks.task import Evaluation
from diffsim.validation import ConfigError
from tests.commands import diffsim_eval

QUIET = Console(quiet=True)


def replayed(folder):
    """What the replay of an evaluation has been told."""
    page = (folder / "replay.html").read_text()
    return json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)[1])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A short training of the pendulum to random points."""
    folder = tmp_path_factory.mktemp("pendulum")
    config = compose_config(
        *("robot=cartpole", "task=swing_up", "controller=linear", "variables=controller"),
        *("task.duration=0.2", "task.measure_after=0.1", "task.target=null", "device=cpu"),
        "task.shell={center: [0, 0, 1], inner: 0.5, outer: 0.7, lowest: 1}",
        *("batch=2", "optimizer.iterations=3", "validation.every=2", "validation.episodes=4"),
        "optimizer.learning_rate=4",  # so that it moves in so short a training
    )
    return config, run(config, folder, QUIET)


def test_validation_has_its_own_columns_and_decides_what_is_best(trained):
    _, result = trained
    metrics = pd.read_csv(result.folder / "metrics.csv")
    validated = metrics["validation_end_distance"]
    assert list(validated.notna()) == [True, False, True]
    assert list(metrics["evaluations"]) == [2, 4, 6]
    assert result.metrics["end_distance"] == validated.min()


def test_the_config_of_a_run_is_restored_whole(trained):
    config, result = trained
    found = load_run(result.folder)
    assert found.config == config
    assert found.checkpoint.iteration == 3


@pytest.mark.slow
def test_large_nets_are_not_written_into_the_result(trained, monkeypatch, tmp_path):
    _, result = trained
    assert len(json.loads((result.folder / "result.json").read_text())["variables"]) == 1
    monkeypatch.setattr("diffsim.experiment.runner.LISTED", 4)
    config, _ = trained
    again = run(config, tmp_path, QUIET)
    assert again.variables == {}
    assert load_run(again.folder).checkpoint.arrays["variables"]["controller"].size == 6


def test_episodes_depend_on_the_seed_alone(trained):
    _, result = trained
    tables = [
        run_eval(EvalConfig(run=str(result.folder), episodes=5, seed=seed), QUIET)
        for seed in (0, 0, 1)
    ]
    assert len(tables[0]) == 5
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert not tables[0].equals(tables[2])


def test_a_finer_time_step_tells_about_the_same(trained):
    _, result = trained
    coarse, fine = (
        run_eval(EvalConfig(run=str(result.folder), episodes=3, dt=dt), QUIET)
        for dt in (None, 0.0025)
    )
    assert coarse["end_distance"].to_numpy() == pytest.approx(
        fine["end_distance"].to_numpy(), rel=0.05
    )


def test_the_command_writes_into_the_folder_of_the_run(trained, tmp_path):
    _, result = trained
    before = set((result.folder / "evaluations").glob("*"))
    done = diffsim_eval(f"run={result.folder}", "episodes=4", "device=cpu", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (folder,) = set((result.folder / "evaluations").glob("*")) - before
    assert str(folder) in done.stdout
    summary = json.loads((folder / "evaluation.json").read_text())
    episodes = pd.read_csv(folder / "episodes.csv")
    assert len(episodes) == summary["episodes"] == 4
    assert summary["mean"]["end_distance"] == pytest.approx(episodes["end_distance"].mean())
    # Goals are in the shell around (0, 0, 1) from which they are drawn.
    goals = episodes[["goal_x", "goal_y", "goal_z"]].to_numpy() - [0.0, 0.0, 1.0]
    radius = (goals**2).sum(axis=1) ** 0.5
    assert ((radius > 0.5 - 1e-6) & (radius < 0.7 + 1e-6)).all()
    assert (folder / "trajectory.csv").exists()
    assert replayed(folder)["motors"]["names"] == ["drive"]
    assert replayed(folder)["contacts"] is None
    assert not list(tmp_path.iterdir())


def test_an_episode_is_replayed_with_its_contacts_and_motors(tmp_path):
    """Of the optimised robot, in the same episode as the trajectory; one that never differs."""
    config = compose_config(
        *("robot=ball", "task.duration=0.5", "device=cpu"),
        *("optimizer=cmaes", "optimizer.iterations=1", "robot.bodies.ball.position.2=0.6"),
        "+variables={size: {path: robot.bodies.ball.radius, lower: 0.1}}",
    )
    run(config, tmp_path, QUIET)
    assert len(run_eval(EvalConfig(run=str(tmp_path), episodes=3, dt=0.005), QUIET)) == 1
    (folder,) = tmp_path.glob("evaluations/*")
    data, table = replayed(folder), pd.read_csv(folder / "trajectory.csv")
    assert data["title"] == config.name
    assert data["motors"] is None
    assert data["goal"] == [10.0, 0.0, 0.0]
    assert data["times"] == pytest.approx(table["time"].to_numpy()[::2])
    heights = table["z"].to_numpy()[::2]
    assert data["position"][2::3] == pytest.approx(heights, abs=1e-3)
    touching = data["contacts"]["touching"]
    assert data["contacts"]["names"] == ["ball/ground"]
    (radius,) = json.loads((tmp_path / "result.json").read_text())["variables"]["size"]
    (mesh,) = data["meshes"]
    assert max(mesh["vertices"]) == pytest.approx(radius, abs=1e-3)
    depths = {k: found[0][1] for k, found in enumerate(touching) if found}
    assert depths
    assert radius != 0.5
    assert set(np.flatnonzero(heights < radius - 1e-4)) <= set(depths)
    for frame, depth in depths.items():
        assert depth == pytest.approx(1e3 * max(radius - heights[frame], 0.0), abs=1e-2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "run must be given"),
        (("run=nowhere",), "run must be the folder of a run"),
        (("run=.", "episodes=0"), "episodes must be >= 1, got 0"),
        (("run=.", "dt=-1"), r"dt must be > 0"),
    ],
)
def test_bad_input_is_told_in_one_line(arguments, says, tmp_path):
    done = diffsim_eval(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_run_without_a_checkpoint_is_refused(trained, tmp_path):
    _, result = trained
    (tmp_path / "manifest.json").write_text((result.folder / "manifest.json").read_text())
    with pytest.raises(ConfigError, match="has none yet"):
        load_run(tmp_path)


def test_a_run_is_evaluated_with_changes_to_its_config(trained):
    _, result = trained
    change = {"task": {"duration": 0.4, "push": {"speed": 1.0, "every": 0.1}}}
    table = run_eval(EvalConfig(run=str(result.folder), episodes=3, change=change), QUIET)
    plain = run_eval(EvalConfig(run=str(result.folder), episodes=3), QUIET)
    assert np.abs(table["mean_distance"] - plain["mean_distance"]).min() > 1e-4
    assert (table["worst_distance"] >= table["end_distance"]).all()
    (folder,) = [
        path.parent
        for path in result.folder.glob("evaluations/*/evaluation.json")
        if json.loads(path.read_text())["change"] == change
    ]
    assert pd.read_csv(folder / "trajectory.csv")["time"].max() == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tsk": {}}, "change must be of .*task.*, got 'tsk'"),
        ({"task": {"durations": 1}}, r"change\.task must be of .*duration.*, got 'durations'"),
        ({"task": {"duration": -1.0}}, r"task\.duration must be > 0"),
        ({"task": {"duration": "long"}}, "cannot be read: .*long"),
    ],
)
def test_bad_changes_are_named(trained, change, says):
    _, result = trained
    with pytest.raises(ConfigError, match=says):
        run_eval(EvalConfig(run=str(result.folder), change=change), QUIET)


@pytest.mark.parametrize("camera", [None, "front"])
def test_what_a_camera_sees_is_written_as_an_animation(trained, camera):
    _, result = trained
    small = {"robot": {"cameras": {"front": {"resolution": [48, 16]}}}}
    config = EvalConfig(
        run=str(result.folder), episodes=1, change=small, render=True, camera=camera, frame_rate=20
    )
    before = set(result.folder.glob("evaluations/*"))
    run_eval(config, QUIET)
    (folder,) = set(result.folder.glob("evaluations/*")) - before
    with Image.open(folder / "animation.gif") as film:
        assert film.n_frames == 5
        assert film.size == ((48, 16) if camera else (320, 240))
        assert film.info["duration"] == 50
        first = np.asarray(film.convert("L"), float)
    # The robot is there: no plain picture.
    assert first.std() > 2.0
    assert Image.open(folder / "pictures.png").size[0] > film.size[0]


def test_a_camera_that_is_not_there_is_named(trained):
    _, result = trained
    with pytest.raises(ConfigError, match="camera must be one of front, got 'side'"):
        run_eval(EvalConfig(run=str(result.folder), render=True, camera="side"), QUIET)


def planted(monkeypatch, losses, distances):
    """Let the episodes of an evaluation have these losses and distances."""

    def each(self, x, key, count):
        assert count == len(losses)
        metrics = dict.fromkeys(self.task.figures, jnp.asarray(distances))
        return Evaluation(jnp.asarray(losses), None, metrics)

    monkeypatch.setattr(Experiment, "each", each)


def test_episodes_that_are_not_finite_are_counted_and_no_success(
    trained, monkeypatch, tmp_path, capsys
):
    """Whatever their figures say; means are over the others."""
    _, result = trained
    planted(monkeypatch, [np.nan, 1.0, 3.0, -np.inf], [0.0, 0.0, 9.0, np.nan])
    config = EvalConfig(run=str(result.folder), episodes=4, output=str(tmp_path))
    table = run_eval(config, Console(width=200))
    assert list(table["success"]) == [False, True, False, False]
    summary = json.loads((tmp_path / "evaluation.json").read_text())
    assert summary["not_finite"] == 2
    assert summary["worst_loss"] == "nan"
    assert summary["mean"]["loss"] == summary["median"]["loss"] == 2.0
    assert summary["mean"]["success"] == 0.25
    shown = capsys.readouterr().out
    assert re.search(r"not finite +│ 2 of 4", shown)
    assert re.search(r"success +│ 25.0 %", shown)


def test_an_evaluation_without_a_finite_episode_fails(trained, monkeypatch, tmp_path):
    _, result = trained
    planted(monkeypatch, [np.nan, np.inf], [0.0, 0.0])
    config = EvalConfig(run=str(result.folder), episodes=2, output=str(tmp_path))
    with pytest.raises(DivergedError, match="none of 2 episodes is finite"):
        run_eval(config, QUIET)
    summary = json.loads((tmp_path / "evaluation.json").read_text())
    assert (summary["not_finite"], summary["mean"]["success"]) == (2, 0.0)


@pytest.mark.parametrize("step", [0, 10])
def test_an_episode_whose_motion_is_not_finite_is_shown_as_far_as_it_is(
    step, trained, monkeypatch, tmp_path
):
    _, result = trained
    watch = Experiment.watch

    def broken(self, x, observer):
        return jax.tree.map(
            lambda leaf: leaf.at[step:].set(jnp.nan) if leaf.dtype != bool else leaf,
            watch(self, x, observer),
        )

    monkeypatch.setattr(Experiment, "watch", broken)
    config = EvalConfig(run=str(result.folder), episodes=2, output=str(tmp_path), render=True)
    run_eval(config, QUIET)
    assert json.loads((tmp_path / "evaluation.json").read_text())["not_finite"] == 0
    assert (
        (tmp_path / "replay.html").exists() == (tmp_path / "animation.gif").exists() == (step > 0)
    )
    if step:
        assert max(replayed(tmp_path)["times"]) == pytest.approx(0.09)


def test_a_motion_that_is_not_finite_is_no_success_of_the_only_episode(monkeypatch, tmp_path):
    config = compose_config(
        *("robot=ball", "task.duration=0.1", "device=cpu", "optimizer=cmaes"),
        "optimizer.iterations=1",
    )
    run(config, tmp_path, QUIET)
    watch = Experiment.watch
    monkeypatch.setattr(
        Experiment,
        "watch",
        lambda *a: jax.tree.map(lambda x: x * jnp.nan if x.dtype != bool else x, watch(*a)),
    )
    with pytest.raises(DivergedError, match="none of 1 episodes"):
        run_eval(EvalConfig(run=str(tmp_path)), QUIET)


def test_a_run_whose_best_motion_is_not_finite_has_diverged(monkeypatch, tmp_path):
    """Also if its loss does not show it; the pictures are of what there is."""
    config = compose_config(
        *("robot=ball", "task.duration=0.1", "device=cpu", "optimizer=cmaes"),
        "optimizer.iterations=1",
    )
    watch = Experiment.watch

    def broken(self, x, observer):
        return jax.tree.map(lambda leaf: leaf.at[3:].set(jnp.nan), watch(self, x, observer))

    monkeypatch.setattr(Experiment, "watch", broken)
    with pytest.raises(DivergedError, match="first at step 3, body 'ball'"):
        run(config, tmp_path, QUIET)
    assert RunFolder(tmp_path).status().status == "diverged"
    assert not (tmp_path / "result.json").exists()
    assert len(write_pictures(tmp_path)) == 4
