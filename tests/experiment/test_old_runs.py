"""Runs of before are read, or refused in one line that says from which version on they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from diffsim.experiment.check import check_run
from diffsim.experiment.manifest import OLDEST, restore_config
from diffsim.validation import ConfigError

# As manifests of commit 16918fc have them, the last one of the first generation.
CONFIGS: dict[str, Any] = json.loads(
    Path(__file__).with_name("configs_of_16918fc.json").read_text()
)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_of_the_first_generation_is_read(name: str) -> None:
    config = restore_config(CONFIGS[name])
    check_run(config)
    assert config.name == name


@pytest.mark.parametrize(
    ("key", "value"), [("task", {"kind": "throw", "loft": 1.0}), ("task", {}), ("solver", 3)]
)
def test_one_that_cannot_be_read_is_refused_in_a_line_with_the_version(
    key: str, value: Any
) -> None:
    with pytest.raises(ConfigError, match=f"reads the runs of {OLDEST} and later") as error:
        restore_config(CONFIGS["ball_adam"] | {key: value})
    assert len(str(error.value).splitlines()) == 1
