"""What README and docs show works: commands, Python, kinds from outside, links.

A command is any line of an indented or ``sh`` block that begins with one of ours, and any code
within a line that does. Its placeholders (``<run>``, ``…``) are given a value; then its config is
composed and checked as the command itself would, in this process, or its target is looked up. What
does not need minutes is run besides.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import shlex
import subprocess
import sys
import types
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_module
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import open_dict

import diffsim
from benchmarks.paper.report import with_summary
from diffsim.bench.config import BenchConfig, check_bench
from diffsim.checks.config import CheckConfig, check_config
from diffsim.cli.configuration import (
    guard_composition,
    register_resolvers,
    register_schemas,
    typed_config,
)
from diffsim.cli.report import with_folders_as_runs
from diffsim.evaluation.config import EvalConfig
from diffsim.evaluation.runner import _merged
from diffsim.experiment.check import check_run
from diffsim.experiment.config import RunConfig
from diffsim.experiment.manifest import restore_config
from diffsim.reporting.config import ReportConfig
from diffsim.robots.config import RobotConfig
from diffsim.runs.checkpoint import load_checkpoint
from diffsim.runs.folder import RunFolder
from diffsim.validation import ConfigError, check
from tests.commands import diffsim_run

ROOT = Path(__file__).parent.parent
FILES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"))
PAGES = {path.name: path.read_text() for path in FILES}
README, EXTENDING = PAGES["README.md"], PAGES["extending.md"]

SCHEMAS = {
    "run": (RunConfig, check_run),
    "eval": (EvalConfig, check),
    "check": (CheckConfig, check_config),
    "bench": (BenchConfig, check_bench),
    "report": (ReportConfig, lambda config: None),  # its folders are not there
}
OURS = re.compile(r"(?:\.venv/bin/)?(diffsim-\w+|make|python -m benchmarks\.\w+)(?: |$)")
OTHERS = re.compile(r"(?:\.venv/bin/)?(git|cd|source|open|python -m (?:pip|pytest)|[A-Z_]+=\S+) ")
"""What else a ``sh`` block may say: nothing that we promise anything about."""
PLACEHOLDERS = {"<date>": "2026-01-31", "…": "run", "...": "run"}
WITH_CODE = (
    "task=hover",
    "controller=bounded_linear",
    "optimizer=random_search",
    "robot=spindle",
    "robot=rod",
    "robot=lander",
)
"""Choices that run Python files of a page: these commands are run, not composed."""


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)


def without_blocks(page: str) -> str:
    return re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE)


def shell_lines(page: str) -> list[str]:
    """Lines of ``sh`` blocks, each without what is told to a reader behind it."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [re.sub(r"\s+# .*|^#.*", "", line).strip() for line in lines if line.strip()]


def commands(page: str) -> list[str]:
    """All commands of ours on a page."""
    bare = without_blocks(page)
    indented = [
        re.sub(r"\s+# .*", "", line) for line in re.findall(r"^ {4}(\S.*)$", bare, re.MULTILINE)
    ]
    within = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", bare)]
    return [line for line in (*shell_lines(page), *indented, *within) if OURS.match(line)]


def filled_in(command: str) -> str:
    for placeholder, value in PLACEHOLDERS.items():
        command = command.replace(placeholder, value)
    return re.sub(r"<(\w+)(?: or \w+)* ?\w*>", r"\1", command)


@pytest.fixture(scope="module")
def mine(tmp_path_factory) -> Path:
    """The files of all pages that a reader is told to put into ``mine/``, by its path."""
    folder = tmp_path_factory.mktemp("reader")
    for path, text in files_of(EXTENDING).items():
        if path.startswith("mine/"):
            write(folder / path, text)
    for text in blocks(README, "yaml"):
        name = yaml.safe_load(text)["name"]
        # One of them is in mine/, the other in the folder itself.
        for above in ("mine", "."):
            write(folder / above / "robot" / f"{name}.yaml", text)
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def composed(name: str, arguments: list[str]) -> list[object]:
    """The configs of a command, of the first and the last job of a sweep; not yet checked."""
    register_schemas()
    register_resolvers()
    guard_composition()
    overrides, folders = list(arguments), []
    if "--config-dir" in overrides:
        place = overrides.index("--config-dir")
        folders = [f"hydra.searchpath=[file://{Path(overrides[place + 1]).absolute()}]"]
        del overrides[place : place + 2]
    if name == "report":
        overrides = with_folders_as_runs(overrides)
    if "-m" in overrides:
        overrides.remove("-m")
        parsed = OverridesParser.create().parse_overrides(overrides)
        jobs = BasicSweeper.split_arguments(parsed, max_batch_size=None)[0]
        jobs = [jobs[0], jobs[-1]]
    else:
        jobs = [overrides]
    found = []
    with initialize_config_module("diffsim.conf", version_base="1.3"):
        for job in jobs:
            config = compose(name, [*map(str, job), *folders], return_hydra_config=True)
            HydraConfig.instance().set_config(config)
            with open_dict(config):
                del config["hydra"]
            found.append(typed_config(config, SCHEMAS[name][0]))
    return found


def without_repeats(found: list[str]) -> list[str]:
    """One command of those that differ in their seed alone."""
    return list(
        {re.sub(r"(seed=|/\w+_)\d+", r"\1", command): command for command in found}.values()
    )


def named(kind: str) -> list[object]:
    """Commands whose first word holds this."""
    return [
        pytest.param(command, id=f"{page}: {command[:70]}")
        for page, text in sorted(PAGES.items())
        for command in without_repeats(commands(text))
        if kind in command.split()[0]
    ]


@pytest.mark.parametrize("command", named("diffsim-"))
def test_every_command_composes(command, mine, monkeypatch):
    if kinds_in(command):
        assert command in WITH_KINDS  # where it is run, below
        return
    monkeypatch.chdir(mine)
    program, *arguments = shlex.split(filled_in(command))
    name = program.split("diffsim-")[1]
    if "--help" in arguments:
        return  # tests/test_architecture.py asks all of them
    for place in [k for k, a in enumerate(arguments) if a == "--cfg"][::-1]:
        del arguments[place : place + 2]
    if name == "eval" and not any(a.startswith("run=") for a in arguments):
        arguments.append("run=folder")  # where a text names the command alone
    if name == "report" and not arguments:
        arguments.append("folder")
    for config in composed(name, arguments):
        SCHEMAS[name][1](config)
        if name == "eval" and config.change:
            change_config(config.change)


def change_config(change: dict[str, object]) -> None:
    """Change a run's config as an evaluation does: of one of those that the pages evaluate."""
    problems = []
    for preset in ("quadruped_gait", "pendulum_state"):
        try:
            run = asdict(composed("run", [f"experiment={preset}"])[0])
            check_run(restore_config(_merged(run, change, "change")))
            return
        except ConfigError as error:
            problems.append(str(error))
    raise AssertionError(problems)


@pytest.mark.parametrize("command", [*named("make"), *named("python")])
def test_every_target_and_benchmark_is_there(command):
    words = command.split()
    if "make" in words[0]:
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert {w for w in words[1:] if "=" not in w} <= set(targets)
    else:
        path = ROOT / words[2].replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def test_the_pages_have_commands_and_sh_blocks_nothing_else():
    assert len([c for text in PAGES.values() for c in commands(text)]) > 60
    for page, text in PAGES.items():
        for line in shell_lines(text):
            assert OURS.match(line) or OTHERS.match(f"{line} "), (page, line)


# --- Python ------------------------------------------------------------------------------------


PROGRAMS = [
    pytest.param(block, id=f"{page}: {block.splitlines()[0]}")
    for page, text in sorted(PAGES.items())
    for block in blocks(text, "python")
    if not re.match(r"# \w+/", block)  # a file of a reader's: below
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_python_runs(program, tmp_path):
    before, after = tmp_path / "outputs" / "2026-01-31" / "run", tmp_path / "outputs" / "again"
    write(before / "metrics.csv", "iteration,loss,position_error\n1,2.0,3.0\n")
    if "restore_config" in program:  # it makes a result again
        done = diffsim_run(
            *("optimizer.iterations=3", "task.duration=0.5", f"hydra.run.dir={before}"),
            folder=tmp_path,
        )
        assert done.returncode == 0, done.stderr
    done = subprocess.run(
        [sys.executable, "-c", filled_in(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if "def distance(" in program:
        # Bounces and rolling take something of 4, 6 and 8 m.
        found = [float(value) for value in done.stdout.split("]")[0].strip("[").split()]
        assert all(v < x < 2.0 * v for v, x in zip((2.0, 3.0, 4.0), found, strict=True))
    if "restore_config" in program:
        tables = [
            [row.split(",") for row in (folder / "metrics.csv").read_text().splitlines()]
            for folder in (before, after)
        ]
        seconds = tables[0][0].index("wall_s")
        assert [[*row[:seconds], *row[seconds + 1 :]] for row in tables[0]] == [
            [*row[:seconds], *row[seconds + 1 :]] for row in tables[1]
        ]
        last = [load_checkpoint(RunFolder(f).checkpoints()[-1]) for f in (before, after)]
        assert last[0].arrays["variables"].keys() == last[1].arrays["variables"].keys()
        for name, array in last[0].arrays["variables"].items():
            assert (array == last[1].arrays["variables"][name]).all()


# --- Kinds from outside -------------------------------------------------------------------------


def files_of(page: str) -> dict[str, str]:
    """Blocks that say in their first line which file they are."""
    found = {}
    for block in (*blocks(page, "python"), *blocks(page, "yaml")):
        first, rest = block.split("\n", 1)
        if named_file := re.fullmatch(r"# (\S+/\S+)", first):
            found[named_file.group(1)] = rest
    return found


def kinds_in(command: str) -> set[str]:
    return {choice for choice in WITH_CODE if choice in command}


WITH_KINDS = [c for c in dict.fromkeys(commands(EXTENDING)) if kinds_in(c)]


def test_all_kinds_of_the_page_are_tried():
    assert set().union(*map(kinds_in, WITH_KINDS)) == set(WITH_CODE)


@pytest.mark.parametrize(
    "command",  # but those of which another one has all and more
    [c for c in WITH_KINDS if not any(kinds_in(c) < kinds_in(other) for other in WITH_KINDS)],
)
def test_kinds_from_outside_work(command, mine):
    program, *arguments = shlex.split(command)
    module = program.replace("diffsim-", "diffsim.cli.")
    if program == "diffsim-run":
        arguments += ["optimizer.iterations=1", "task.duration=0.5", "device=cpu"]
    else:
        arguments += ["check.duration=0.5", "check.gradients=false", "device=cpu"]
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=mine,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout


def test_the_kinds_shown_are_those_that_are_tested():
    files = (path for path in (ROOT / "tests" / "extensions").glob("[!_]*.py"))
    tested = {path.name: path.read_text() for path in files if not path.name.startswith("test_")}
    shown = {Path(name).name: text for name, text in files_of(EXTENDING).items() if ".py" in name}
    assert shown == tested


# --- Pages -------------------------------------------------------------------------------------


def test_the_robot_examples_know_only_what_robots_have():
    examples = {yaml.safe_load(text)["name"]: text for text in blocks(README, "yaml")}
    assert {"pair", "leg"} <= set(examples)
    for text in examples.values():
        assert set(yaml.safe_load(text)) <= set(RobotConfig.__dataclass_fields__)


def test_no_figure_is_missing_and_no_link_is_dead():
    for page in FILES:
        text = page.read_text()
        assert not re.findall(r"^[A-Z]+_[A-Z]+$", text, flags=re.MULTILINE), page
        for target in re.findall(r"\]\(([^)]+)\)", text):
            if target.startswith("http"):
                continue
            name, _, place = target.partition("#")
            linked = page.parent / name if name else page
            assert linked.exists(), (page.name, target)
            if place:
                assert place in anchors(linked.read_text()), (page.name, target)


def anchors(page: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", without_blocks(page), flags=re.MULTILINE)
    return {generator()._anchor(heading) for heading in headings}


def test_the_readme_leads_to_every_page():
    linked = set(re.findall(r"\]\((?:docs/)?(\w+\.md)", README))
    assert linked == set(PAGES) - {"README.md"}


@functools.cache
def generator() -> types.ModuleType:
    path = ROOT / "docs" / "make_configuration.py"
    spec = importlib.util.spec_from_file_location("make_configuration", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_configuration_page_is_that_of_the_schemas():
    made = generator().page()
    assert made == PAGES["configuration.md"], "out of date: make docs"


def test_the_public_names_are_there() -> None:
    for name in diffsim.__all__:
        assert getattr(diffsim, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = diffsim.nothing


def test_the_readme_has_the_summary_of_the_results():
    assert with_summary(README, PAGES["results.md"]) == README
