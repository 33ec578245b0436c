"""What the README shows works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import diffsim
from diffsim.robots.config import RobotConfig
from tests.commands import diffsim_run

README = (Path(__file__).parent.parent / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_python_example_runs(tmp_path):
    (program,) = [block for block in blocks("python") if "rollout" in block]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # The friction of a ball that bounces and rolls takes something of 4, 6 and 8 m.
    values = [float(value) for value in done.stdout.split("]")[0].strip("[").split()]
    assert all(0.5 * 2.0 * v < x < 2.0 * v for v, x in zip((2.0, 3.0, 4.0), values, strict=True))


def test_the_public_names_are_there():
    for name in diffsim.__all__:
        assert getattr(diffsim, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = diffsim.nothing


@pytest.mark.parametrize(("name", "part"), [("pair", "other:"), ("mine", "ankle:")])
def test_the_robot_examples_compose(name, part, tmp_path):
    examples = {yaml.safe_load(text)["name"]: text for text in blocks("yaml")}
    assert set(yaml.safe_load(examples[name])) <= set(RobotConfig.__dataclass_fields__)
    (tmp_path / "mine" / "robot").mkdir(parents=True)
    (tmp_path / "mine" / "robot" / f"{name}.yaml").write_text(examples[name])
    done = diffsim_run("--config-dir", "mine", f"robot={name}", "--cfg", "job", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert part in done.stdout


def test_every_command_of_the_list_composes(tmp_path):
    commands = re.findall(
        r"^    diffsim-run (?!--help|-m)(.*?)(?:  #.*)?$", README, flags=re.MULTILINE
    )
    assert len(commands) >= 4
    for command in commands:
        arguments = re.findall(r"'[^']*'|\S+", command)
        done = diffsim_run(*(a.strip("'") for a in arguments), "--cfg", "job", folder=tmp_path)
        assert done.returncode == 0, (command, done.stderr)


def test_no_figure_is_missing_and_no_link_is_dead():
    root = Path(__file__).parent.parent
    for page in (root / "README.md", *(root / "docs").glob("*.md")):
        text = page.read_text()
        assert not re.findall(r"^[A-Z]+_[A-Z]+$", text, flags=re.MULTILINE), page
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert target.startswith("http") or (page.parent / target).exists(), (page, target)
