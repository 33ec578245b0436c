"""Every preset and every choice of a group composes, builds and takes two steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from diffsim.cli.configuration import compose_config
from diffsim.experiment.check import check_run
from diffsim.experiment.runner import run
from diffsim.runs.checkpoint import load_checkpoint
from diffsim.runs.folder import RunFolder

CONF = Path(__file__).parents[2] / "conf"


def choices(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@pytest.mark.parametrize("group", ["robot", "task", "controller", "optimizer", "solver", "device"])
def test_every_choice_composes(group):
    for choice in choices(group):
        more = ("controller.camera=front",) if choice == "convolutional" else ()
        config = compose_config(f"{group}={choice}", *more)
        assert getattr(config, group) is not None


def quick_and_slow() -> list[object]:
    """The presets, of which all but the ball take long to compile."""
    return [
        name
        if name.startswith("ball")
        else pytest.param(name, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])
        for name in choices("experiment")
    ]


@pytest.mark.parametrize("preset", choices("experiment"))
def test_every_preset_composes(preset):
    check_run(compose_config(f"experiment={preset}"))


@pytest.mark.parametrize("preset", quick_and_slow())
def test_every_preset_takes_two_steps(preset, tmp_path):
    config = compose_config(f"experiment={preset}", "optimizer.iterations=2", "device=cpu")
    check_run(config)
    result = run(config, tmp_path, Console(quiet=True))
    assert result.iterations == 2
    assert np.isfinite(result.loss)
    (checkpoint,) = RunFolder(tmp_path).checkpoints()
    assert load_checkpoint(checkpoint).iteration == 2
