"""The glossary: each word once, in order, with a place in the code that exists; classes' names."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import diffsim

ROOT = Path(__file__).resolve().parents[1]
LINE = re.compile(r"^\| (?P<word>[^|]+) \| (?P<meaning>[^|]+) \| `(?P<place>[\w.]+)` \|$", re.M)


def entries() -> list[re.Match[str]]:
    text = (ROOT / "docs" / "glossary.md").read_text()
    found = list(LINE.finditer(text))
    assert len(found) == len(re.findall(r"^\| (?!word|---)", text, re.M)), "a line that is no entry"
    return found


def test_every_word_stands_once_and_in_order() -> None:
    words = [entry["word"] for entry in entries()]
    assert words == sorted(set(words))


def test_every_place_exists() -> None:
    for entry in entries():
        module, name = entry["place"].rsplit(".", 1)
        assert hasattr(import_module(f"diffsim.{module}"), name), entry["place"]


def test_the_public_types_of_the_engine_are_explained() -> None:
    explained = {entry["place"].rsplit(".", 1)[1] for entry in entries()}
    engine = {name for name, place in diffsim._PLACES.items() if place.startswith("world.")}
    assert {name for name in engine if name[0].isupper()} <= explained


def test_every_class_has_a_name_of_its_own() -> None:
    places = defaultdict(list)
    for folder in ("diffsim", "cli", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(path.name)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
