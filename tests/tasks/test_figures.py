"""What is said of the tasks' figures is what the tasks do."""

from __future__ import annotations

import pytest

from diffsim.tasks.figures import LOSS, UNKNOWN, Figure, meaning
from diffsim.tasks.table import TASKS
from diffsim.tasks.task import Task


def succeeds(kind: type[Task], metrics: dict[str, float]) -> bool:
    task = object.__new__(kind)  # no world is needed
    task.config = kind.Config(body="body")
    return task.succeeded(metrics)


@pytest.mark.parametrize("name", TASKS)
def test_the_better_way_is_the_one_to_success(name):
    kind = TASKS[name]
    far = {name: -1e9 if figure.larger else 1e9 for name, figure in kind.figures.items()}
    near = {name: -value for name, value in far.items()}
    assert succeeds(kind, near)
    assert not succeeds(kind, far)
    # A figure that counts for success has a better way; without it the others are not enough.
    counting = [name for name in far if not succeeds(kind, near | {name: far[name]})]
    assert counting
    assert all(kind.figures[name].larger is not None for name in counting)
    assert kind.judged_by in (*counting, "loss")


def test_figures_in_validation_mean_the_same_and_unknown_ones_nothing():
    figures = {"speed": Figure("m/s", larger=True)}
    assert meaning("validation_speed", figures) == meaning("speed", figures) == figures["speed"]
    assert meaning("validation_loss", figures) == meaning("loss", {}) == LOSS
    assert meaning("grad_norm", figures) == UNKNOWN
