"""Training from Python leaves what the command leaves, and goes on where it was."""

from __future__ import annotations

import pytest

import diffsim
from diffsim.validation import ConfigError

SHORT = ("robot=ball", "optimizer.iterations=3", "task.duration=0.05", "device=cpu")


def test_a_run_from_python_is_a_whole_run_and_is_not_repeated(tmp_path):
    config = diffsim.replace(diffsim.compose_config(*SHORT), {"robot.friction": 0.6})
    folder = tmp_path / "new" / "run"
    result = diffsim.train(config, folder)
    assert result.iterations == result.evaluations == 3
    assert set(result.variables) == {"velocity", "spin"}
    there = {path.name for path in folder.iterdir()}
    expected = {"manifest.json", "metrics.csv", "status.json", "result.json", "checkpoints"}
    assert expected | {"learning_curve.png", "replay.html"} <= there
    before = (folder / "metrics.csv").stat().st_mtime_ns
    assert diffsim.train(config, str(folder)) == result
    assert (folder / "metrics.csv").stat().st_mtime_ns == before
    with pytest.raises(ConfigError, match="a run with another config, choose a new one"):
        diffsim.train(diffsim.replace(config, {"robot.friction": 0.7}), folder)
    (folder / "result.json").unlink()
    with pytest.raises(ConfigError, match="has no result that can be read"):
        diffsim.train(config, folder)


def test_a_config_that_cannot_be_run_leaves_nothing(tmp_path):
    config = diffsim.replace(diffsim.compose_config(*SHORT), {"robot.friction": -1.0})
    with pytest.raises(ConfigError, match=r"robot\.friction must be >= 0, got -1"):
        diffsim.train(config, tmp_path / "run")
    assert not list(tmp_path.iterdir())
