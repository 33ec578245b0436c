"""Arguments may stand in any order."""

from __future__ import annotations

import pytest

from diffsim.cli.command import options_first


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("robot=arm -m seed=0,1", "-m robot=arm seed=0,1"),
        ("-m robot=arm seed=0,1", "-m robot=arm seed=0,1"),
        ("robot=mine --config-dir here seed=1", "--config-dir here robot=mine seed=1"),
        ("a=1 -c job ~b +c=-2", "-c job a=1 ~b +c=-2"),
        ("a=1 --help", "--help a=1"),
        ("a=1 --config-dir", "--config-dir a=1"),
    ],
)
def test_options_come_before_overrides(given: str, expected: str) -> None:
    assert options_first(given.split()) == expected.split()
