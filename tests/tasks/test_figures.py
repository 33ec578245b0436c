"""What is said of the tasks' figures is what the tasks do."""

from __future__ import annotations

import pytest

from diffsim.tasks.config import GaitConfig, ReachConfig, ThrowConfig
from diffsim.tasks.figures import FIGURES, JUDGED_BY, meaning
from diffsim.tasks.gait import Gait
from diffsim.tasks.reach import Reach
from diffsim.tasks.throw import Throw

TASKS = {"throw": (Throw, ThrowConfig), "reach": (Reach, ReachConfig), "gait": (Gait, GaitConfig)}


def succeeds(kind: str, metrics: dict[str, float]) -> bool:
    task, config = TASKS[kind]
    task = object.__new__(task)  # no world is needed
    task.config = config(body="body")
    return task.succeeded(metrics)


def test_all_figures_of_all_tasks_are_known_and_no_others():
    assert {"loss", *(n for task, _ in TASKS.values() for n in task.metric_names)} == set(FIGURES)
    assert {config(body="body").kind for _, config in TASKS.values()} == set(JUDGED_BY)


@pytest.mark.parametrize("kind", TASKS)
def test_the_better_way_is_the_one_to_success(kind):
    names = TASKS[kind][0].metric_names
    far = {name: -1e9 if FIGURES[name].larger else 1e9 for name in names}
    near = {name: -value for name, value in far.items()}
    assert succeeds(kind, near)
    assert not succeeds(kind, far)
    # A figure that counts for success has a better way; without it the others are not enough.
    counting = [name for name in names if not succeeds(kind, near | {name: far[name]})]
    assert counting
    assert all(FIGURES[name].larger is not None for name in counting)
    assert JUDGED_BY[kind] in (*counting, "loss")


def test_figures_in_validation_mean_the_same_and_unknown_ones_nothing():
    assert meaning("validation_speed") == FIGURES["speed"]
    assert meaning("grad_norm").larger is None
