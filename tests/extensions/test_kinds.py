"""A task, a controller and an optimiser from outside: found in all ways, and as good as our own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim.tables import KindTable
from diffsim.validation import ConfigError
from tests.commands import diffsim_eval, diffsim_run, run_folders
from tests.extensions.bounded_linear import BoundedLinearConfig
from tests.extensions.hover import Hover, HoverConfig
from tests.extensions.random_search import RandomSearchConfig
from tests.kinds import make_controller, make_optimizer
from tests.optimizers.test_contract import Valley

OWN = Path(__file__).parent
HOVER = (OWN / "hover.py").read_text()
DRONE = """
name: drone
bodies:
  hull: {shape: sphere, radius: 0.1, mass: 1.0, position: [0.0, 0.0, 0.5]}
thrusters:
  lift: {body: hull, axis: [0.0, 0.0, 1.0], limit: 20.0}
sensors:
  height: {type: position, body: hull, components: z}
"""
CHOICES = (
    *("robot=drone", "task=hover", "task.body=hull", "task.duration=0.1"),
    *("controller=bounded_linear", "optimizer=random_search", "optimizer.iterations=2"),
    *("variables=controller", "device=cpu"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project of a user: a robot, and a Python file for each kind."""
    files = {"task": "hover", "controller": "bounded_linear", "optimizer": "random_search"}
    for group, name in files.items():
        (tmp_path / "mine" / group).mkdir(parents=True)
        shutil.copy(OWN / f"{name}.py", tmp_path / "mine" / group)
    (tmp_path / "mine" / "robot").mkdir()
    (tmp_path / "mine" / "robot" / "drone.yaml").write_text(DRONE)
    return tmp_path


def test_files_beside_yaml_are_kinds_and_choices(folder: Path) -> None:
    done = diffsim_run("--config-dir", "mine", *CHOICES, folder=folder)
    assert done.returncode == 0, done.stderr
    (run,) = run_folders(folder)
    assert (run / "metrics.csv").read_text().splitlines()[0].endswith(",height_error")
    # A run's folder alone never has code run.
    refused = diffsim_eval(f"run={run}", "device=cpu", "episodes=1", folder=folder)
    assert refused.returncode == 2
    assert "got 'bounded_linear': those of yours come by plugins= or --config-dir" in refused.stderr
    done = diffsim_eval(
        "--config-dir", "mine", f"run={run}", "device=cpu", "episodes=1", folder=folder
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", "hover.py cannot be run: ZeroDivisionError: division by zero"),
        ("", "hover.py must add a kind named 'hover' to the table of tasks"),
        (
            HOVER.replace('bounded("hover", choices=("hover",))', '"gait"'),
            "must have a Config of their own with the kind's name, 'hover' has that of 'gait'",
        ),
    ],
    ids=["broken", "empty", "another's name"],
)
def test_a_file_without_the_kind_of_its_name_is_told(folder: Path, text: str, message: str) -> None:
    (folder / "mine" / "task" / "hover.py").write_text(text)
    done = diffsim_run("--config-dir", "mine", *CHOICES, folder=folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_is_not_run_unless_it_is_chosen(folder: Path) -> None:
    (folder / "mine" / "task" / "other.py").write_text("raise SystemExit('this was run')")
    done = diffsim_run("--config-dir", "mine", *CHOICES, "--cfg", "job", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "kind: hover" in done.stdout


def test_a_plugin_adds_kinds_before_they_are_chosen(folder: Path) -> None:
    shutil.move(folder / "mine" / "task" / "hover.py", folder / "my_hover.py")
    arguments = ("--config-dir", "mine", *CHOICES, "--cfg", "job")
    done = diffsim_run(*arguments, folder=folder)
    assert done.returncode == 2
    assert "Could not find 'task/hover'" in done.stderr
    done = diffsim_run(*arguments, "plugins=[my_hover]", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "height: 1.0" in done.stdout


PACKAGE = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "my-package"
version = "1.0"

[project.entry-points."diffsim.tasks"]
hover = "my_hover:Hover"

[tool.setuptools]
py-modules = ["my_hover"]
"""


def test_an_installed_packages_task_is_in_the_help_and_is_trained(folder: Path) -> None:
    """A package of two files, installed by pip into a folder on Python's path."""
    source, site = folder / "package", folder / "site"
    source.mkdir()
    (source / "pyproject.toml").write_text(PACKAGE)
    shutil.move(folder / "mine" / "task" / "hover.py", source / "my_hover.py")

    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            check=False,
        )

    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    done = python("pip", "install", "--quiet", *offline, "--target", str(site), str(source))
    assert done.returncode == 0, done.stderr
    done = python("diffsim.cli.run", "--help")
    assert done.returncode == 0, done.stderr
    assert "task: balance, gait, hover, reach, reach_fixed" in done.stdout
    done = python("diffsim.cli.run", "--config-dir", "mine", *CHOICES)
    assert done.returncode == 0, done.stderr


def test_a_name_stands_for_one_kind() -> None:
    table: KindTable[type] = KindTable("tasks", {"gait": "diffsim.tasks.gait:Gait"}, classes=True)
    table.add_file("jump", Path("a/jump.py"))
    table.add_file("jump", Path("a/jump.py"))
    for name in ("jump", "gait"):
        with pytest.raises(ConfigError, match=f"got '{name}' of b/x.py twice"):
            table.add_file(name, Path("b/x.py"))
    assert [*table] == ["gait", "jump"]
    assert table.own == ("gait",)
    with pytest.raises(ConfigError, match=r"task\.kind must be one of gait, jump, got 'run'"):
        table.kind("run", "task.kind")


def test_the_tasks_figure_is_its_success() -> None:
    task = object.__new__(Hover)  # no world is needed
    task.config = HoverConfig(body="hull", tolerance=0.1)
    assert [task.succeeded({Hover.judged_by: error}) for error in (0.05, 0.2)] == [True, False]


def test_all_ways_to_apply_the_controller_agree() -> None:
    controller = make_controller(BoundedLinearConfig(limit=2.0), 3, 2)
    zero, memory = controller.init(jax.random.key(0))
    parameters = jax.tree.map(lambda leaf: leaf + 0.3, zero)
    readings = jax.random.normal(jax.random.key(1), (7, 3, 4))
    found = controller.unroll(parameters, memory, readings)
    assert found.shape == (7, 2, 4)
    assert float(jnp.abs(found).max()) < 2.0
    for step, robot in ((0, 0), (6, 3)):
        _, commands = controller.apply(parameters, memory, readings[step, :, robot])
        np.testing.assert_allclose(found[step, :, robot], commands, atol=1e-6)


def test_the_optimiser_keeps_the_contract() -> None:
    """As ``tests/optimizers/test_contract.py`` asks of the package's own."""
    config = RandomSearchConfig(points=64, sigma=0.5)
    optimizer = make_optimizer(config, Valley(), 0)
    state = optimizer.init()
    for _ in range(150):
        state, report = optimizer.step(state)
    assert report.loss < 1e-2
    assert report.loss == pytest.approx(float(Valley().evaluate(report.x).loss), rel=1e-3)
    fresh = make_optimizer(config, Valley(), 0)
    restored = fresh.restore({name: np.array(a) for name, a in optimizer.arrays(state).items()})
    np.testing.assert_array_equal(fresh.step(restored)[1].x, optimizer.step(state)[1].x)
    with pytest.raises(ValueError, match="expected"):
        fresh.restore({"wrong": np.zeros(3)})
    limited = make_optimizer(config, Valley(upper=0.5), 0)
    state = limited.init()
    for _ in range(20):
        state, report = limited.step(state)
        assert report.x[0] <= 0.5


def test_settings_of_the_same_name_come_before_the_defaults(folder: Path) -> None:
    text = "defaults: [schema/hover@_here_, _self_]\nheight: 3.0\n"
    (folder / "mine" / "task" / "hover.yaml").write_text(text)
    done = diffsim_run("--config-dir", "mine", *CHOICES, "--cfg", "job", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "height: 3.0" in done.stdout


@pytest.mark.slow
def test_a_parallel_sweep_takes_kinds_of_files_along(folder: Path) -> None:
    done = diffsim_run(
        *("--config-dir", "mine", "-m", *CHOICES, "seed=0,1", "hydra/launcher=processes"),
        folder=folder,
    )
    assert done.returncode == 0, done.stderr
    assert "2 of 2 jobs are finished" in done.stdout
