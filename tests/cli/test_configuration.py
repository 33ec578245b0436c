"""Composing a config from the package's own files and from what is said on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from diffsim.cli.configuration import compose_config, quoted
from diffsim.experiment.check import check_run
from diffsim.validation import ConfigError
from tests.commands import diffsim_run

OPTIMIZERS = [p.stem for p in (Path(__file__).parents[2] / "conf" / "optimizer").glob("*.yaml")]
AWKWARD = ("a b", "it's", "a\\b", "end\\", "x\\'y", "${seed}", "a,b=c", "[x]", "\\\\'", "é", "'")


@pytest.mark.parametrize("name", AWKWARD)
def test_a_quoted_text_comes_through_unchanged(name):
    value = OverridesParser.create().parse_override(f"key={quoted(name)}").value()
    assert OmegaConf.create({"key": value})["key"] == name


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_can_be_chosen(name):
    check_run(compose_config(f"optimizer={name}"))


@pytest.mark.parametrize(
    "override", ["solver=true", "optimizer=[1.0]", "robot=[ball,arm]", "task=null", "~device=0"]
)
def test_what_is_no_name_of_a_choice_is_refused_with_the_choices(override):
    group = override.strip("~").split("=")[0]
    with pytest.raises(ConfigError, match=rf"^{group} must be one of \w+, .*, got "):
        compose_config(override)


def test_help_lists_the_groups_that_a_command_chooses_from(tmp_path):
    """It has those of the package and of the user's folder, none that only files build on."""
    (tmp_path / "mine" / "robot").mkdir(parents=True)
    (tmp_path / "mine" / "robot" / "hopper.yaml").write_text("name: hopper\n")
    done = diffsim_run("--config-dir", "mine", "--help", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    groups = done.stdout.partition("== Groups")[2].partition("== Values")[0].splitlines()[1:]
    found = dict(line.split(": ") for line in groups if line)
    names = ("controller", "device", "experiment", "optimizer", "recipe", "robot", "solver", "task")
    assert tuple(found) == (*names, "variables")
    assert found["controller"] == "convolutional, dense, linear, none, recurrent, table"
    assert "hopper" in found["robot"].split(", ")
