"""What other programs are to read of a run is what ``metrics.csv`` has."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from diffsim.cli.configuration import compose_config
from diffsim.experiment.check import check_run
from diffsim.experiment.runner import run
from diffsim.validation import ConfigError


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """By name and iteration; of TFRecords: a length, a checksum, the data, another checksum."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    found: dict[str, dict[int, float]] = {}
    for path in folder.glob("tensorboard/events.*"):
        data = path.read_bytes()
        at = 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            event = event_pb2.Event.FromString(data[at + 12 : at + 12 + length])
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = value.simple_value
            at += length + 16
    return found


def test_tensorboard_has_the_figures_of_the_metrics(tmp_path):
    config = compose_config(
        *("optimizer=cmaes", "optimizer.iterations=3", "task.duration=0.1", "device=cpu"),
        "loggers=[tensorboard]",
    )
    run(config, tmp_path, Console(quiet=True))
    metrics = pd.read_csv(tmp_path / "metrics.csv").set_index("iteration")
    found = scalars(tmp_path)
    for tag, column in (("training/loss", "loss"), ("task/position_error", "position_error")):
        assert list(found[tag]) == [1, 2, 3]
        np.testing.assert_allclose(list(found[tag].values()), metrics[column], rtol=1e-6)


def test_an_unknown_logger_is_named():
    with pytest.raises(ConfigError, match=r"loggers\[0\] must be one of tensorboard, got 'wandb'"):
        check_run(compose_config("loggers=[wandb]"))
