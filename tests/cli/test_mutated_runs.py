"""Whatever is done to a config or said on the command line is accepted or refused in one line."""

from __future__ import annotations

import copy
import dataclasses
import json
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from diffsim.cli.configuration import compose_config
from diffsim.experiment.check import check_run
from diffsim.experiment.manifest import restore_config
from tests.robots.test_mutations import STRANGE, mutated_tree, pick, refusal

PRESETS = ("ball_adam", "ball_cmaes", "ball_lm", "arm_random", "swing_up", "pendulum_camera")
SEED = 8
MUTANTS, CHUNK = 8_000, 100  # the first chunk runs by default, all by `make test-slow`
OVERRIDES, OVERRIDES_CHUNK = 2_000, 40
LONGEST_S = 5.0
LEAST_REFUSED = 0.3  # a share well below the usual one

TEXTS = (
    *("", " ", "null", "true", "-1", "0", "1e999", "nan", ".inf", "abc", "'", '"', "{", "}", "[]"),
    *("{}", "[1,2]", "[[],{}]", "{a: 1}", "${seed}", "${nowhere}", "${oc.env:HOME}", "!!int x"),
    *("1,2", "range(3)", "choice(1,2)", "glob(*)", "a=b", "../../x", "/tmp/x", "\\", "é", "\u2028"),
    *("?" * 3, "x" * 5000, "0x10", "1_000", "!!python/object/apply:os.getcwd []", "@", "%", "$"),
)
"""What may stand behind a key."""


@cache
def preset(name: str) -> dict[str, Any]:
    """A whole config as a manifest has it."""
    plain: dict[str, Any] = json.loads(
        json.dumps(dataclasses.asdict(compose_config(f"experiment={name}")))
    )
    return plain


def keys(tree: Any, path: str = "") -> Iterator[str]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield f"{path}{key}"
            yield from keys(value, f"{path}{key}.")


def chunks(count: int, size: int) -> list[Any]:
    return [
        pytest.param(start, marks=[pytest.mark.slow] if start else [])
        for start in range(0, count, size)
    ]


def load(data: dict[str, Any]) -> Any:
    config = restore_config(data)
    check_run(config)
    return config.robot


def held(begin: float, what: object) -> None:
    assert time.process_time() - begin < LONGEST_S, what


@pytest.mark.parametrize("start", chunks(MUTANTS, CHUNK))
def test_a_mutated_config_is_accepted_or_refused_in_one_line(start: int) -> None:
    """The config of a manifest, from which runs are resumed and evaluated."""
    refused = 0
    for number in range(start, start + CHUNK):
        rng = np.random.default_rng([SEED, number])
        data = copy.deepcopy(preset(pick(rng, PRESETS)))
        # The robot's own mutants have a test of their own.
        rest = {name: value for name, value in data.items() if name != "robot"}
        data = {
            **mutated_tree(rng, rest),
            **({} if rng.random() < 0.1 else {"robot": data["robot"]}),
        }
        begin = time.process_time()
        try:
            refused += refusal(lambda data=data: load(data)) != ""
        except Exception as error:
            raise AssertionError(f"mutant {number}: {error!r}") from error
        held(begin, number)
    assert refused / CHUNK > LEAST_REFUSED


@pytest.mark.parametrize("start", chunks(OVERRIDES, OVERRIDES_CHUNK))
def test_an_override_is_accepted_or_refused_in_one_line(start: int) -> None:
    refused = 0
    for number in range(start, start + OVERRIDES_CHUNK):
        rng = np.random.default_rng([SEED + 1, number])
        name = pick(rng, PRESETS)
        key = pick(rng, [*keys(preset(name))])
        sign = pick(rng, ("", "", "", "+", "++", "~"))
        value = pick(rng, TEXTS) if rng.random() < 0.7 else str(pick(rng, STRANGE))
        override = f"{sign}{key}={value}"

        def composed(name: str = name, override: str = override) -> Any:
            config = compose_config(f"experiment={name}", override)
            check_run(config)
            return config.robot

        begin = time.process_time()
        try:
            refused += refusal(composed) != ""
        except Exception as error:
            raise AssertionError(f"override {number}: {override!r}: {error!r}") from error
        held(begin, override)
    assert refused / OVERRIDES_CHUNK > LEAST_REFUSED
