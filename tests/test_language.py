"""Docstrings are read alone, in an editor's tooltip: their first lines are complete."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FRAGMENTS = ("Of", "What", "Whether", "How", "Where", "Which", "When", "Why", "The same")
"""A first line that begins so leans on the name above it."""
FILES = [
    path for folder in ("diffsim", "cli", "benchmarks") for path in (ROOT / folder).rglob("*.py")
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_docstring_begins_with_a_fragment(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node) or ""
            assert not any(text.startswith(f"{word} ") for word in FRAGMENTS), text
