"""Imports run downwards only, and nothing heavy is imported before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From bottom to top; a module may import from its own layer and from those before it.
ENGINE = (
    "diffsim.math",
    "diffsim.shapes",
    "diffsim.joints",
    "diffsim.dynamics",
    "diffsim.collisions",
    "diffsim.world",
    "diffsim.constraints",
    "diffsim.solvers",
    "diffsim.simulate",
)
LAYERS = (
    ("diffsim.validation", "diffsim.tables", "diffsim.programs", "diffsim.graphs"),
    ("diffsim.sensors.table",),  # the names alone: robots' sensors are checked with the robot
    *((package,) for package in ENGINE),
    ("diffsim.robots",),
    ("diffsim.sensors", "diffsim.camera"),
    ("diffsim.controllers",),
    ("diffsim.tasks",),
    ("diffsim.optimizers",),
    ("diffsim.runs",),
    ("diffsim.experiment",),
    ("diffsim.checks", "diffsim.bench", "diffsim.evaluation", "diffsim.environments"),
    ("diffsim.cli",),
)
# The same inside the packages of the engine.
ENGINE_LAYERS = (
    ("diffsim.math.pytrees", "diffsim.math.packing", "diffsim.math.outlining"),
    ("diffsim.math.contraction",),
    ("diffsim.math.indexing", "diffsim.math.barrier"),
    ("diffsim.math.vectors", "diffsim.math.inverse_factor"),
    ("diffsim.math.rotations",),
    ("diffsim.dynamics.bodies", "diffsim.dynamics.tree"),
    ("diffsim.dynamics.tree_sums",),
    ("diffsim.dynamics.axes",),
    ("diffsim.dynamics.elimination", "diffsim.dynamics.assembly"),
    ("diffsim.constraints.effective_mass", "diffsim.constraints.softness"),
    ("diffsim.constraints.rows", "diffsim.constraints.limit"),
    ("diffsim.constraints.constraint",),
    (
        "diffsim.constraints.joint",
        "diffsim.constraints.drive",
        "diffsim.constraints.contact",
    ),
    ("diffsim.solvers.clusters",),
    ("diffsim.solvers.problem",),
    ("diffsim.solvers.projected_gauss_seidel",),
    ("diffsim.simulate.batch",),
    ("diffsim.simulate.gradient_flow", "diffsim.simulate.sharding"),
    ("diffsim.simulate.step",),
    ("diffsim.simulate.simulator",),
    ("diffsim.simulate.rollout",),
    ("diffsim.simulate.memory",),
)


def modules() -> dict[str, Path]:
    found = {}
    for package, folder in (("diffsim", ROOT / "diffsim"), ("diffsim.cli", ROOT / "cli")):
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join([package, *(p for p in parts if p != "__init__")])] = path
    return found


def imports(path: Path) -> set[str]:
    """Modules that a file imports; of a table of kinds, those that are more than a type's name."""
    names: set[str] = set()
    tree = ast.parse(path.read_text())
    if path.name == "table.py":
        tree.body = [node for node in tree.body if not isinstance(node, ast.If)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def layer(name: str, layers: tuple[tuple[str, ...], ...]) -> int | None:
    for number, packages in enumerate(layers):
        if any(name == p or name.startswith(f"{p}.") for p in packages):
            return number
    return None


@pytest.mark.parametrize("layers", [LAYERS, ENGINE_LAYERS], ids=["packages", "engine"])
def test_imports_run_downwards(layers):
    for module, path in modules().items():
        own = layer(module, layers)
        for imported in imports(path):
            other = layer(imported, layers)
            if own is not None and other is not None:
                assert other <= own, f"{module} imports {imported} from a layer above"


def test_every_module_has_a_layer():
    for module in modules():
        if module != "diffsim" and "reporting" not in module:
            assert layer(module, LAYERS) is not None, module


def test_every_package_is_installed():
    """The list in pyproject.toml is written by hand."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        settings = tomllib.load(file)["tool"]["setuptools"]
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "diffsim").rglob("*.py")}
    named = {".".join(folder.parts) for folder in folders}
    files = (ROOT / "conf").rglob("*.yaml")
    groups = {".".join(["diffsim", *path.parent.relative_to(ROOT).parts]) for path in files}
    assert {*settings["packages"]} == named | groups | {*settings["package-dir"]}


def test_only_the_command_line_imports_hydra():
    for module, path in modules().items():
        if not module.startswith("diffsim.cli"):
            assert not any(name.split(".")[0] == "hydra" for name in imports(path)), module


def test_benchmarks_import_no_tests():
    for path in (ROOT / "benchmarks").rglob("*.py"):
        assert not any(name.split(".")[0] == "tests" for name in imports(path)), path


def test_the_engine_imports_nothing_but_jax_and_numpy():
    # jaxtyping: names of shapes, for type checkers only.
    allowed = {"jax", "jaxtyping", "numpy", "diffsim", "__future__"} | set(sys.stdlib_module_names)
    for module, path in modules().items():
        if module.startswith(ENGINE):
            assert {name.split(".")[0] for name in imports(path)} <= allowed, module


READ_BY_REPORTING = (
    *("diffsim.reporting", "diffsim.runs", "diffsim.validation"),
    *("diffsim.tasks.figures", "diffsim.tasks.table"),
)
"""Beside its own modules: the files of runs, how errors are told, and what figures mean. None of
them imports JAX; the table of tasks does, for manifests that do not say what figures mean."""


def test_reporting_reads_files_and_not_live_objects():
    for module, path in modules().items():
        if module.startswith("diffsim.reporting"):
            for name in imports(path):
                root = name.split(".")[0]
                assert root != "jax", module
                assert root != "diffsim" or name.startswith(READ_BY_REPORTING), module


ANSWERS = {
    "help": ["--help"],
    "cfg": ["--cfg", "job"],
    "bad value": ["robot.friction=-1"],
    "bad name": ["robot=unknown"],
}
"""Of commands that need no physics for them."""
OF_KINDS = {"jax", "numpy", "optax"}
"""What the files of the usual kinds of tasks, controllers and optimisers import. A run's config is
checked by the kinds that it chooses."""


@pytest.mark.parametrize("arguments", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("command", ["run", "check", "bench", "report"])
def test_answers_that_need_no_physics_come_without_loading_it(arguments, command, tmp_path):
    allowed = OF_KINDS if command == "run" else set()
    program = f"""
import sys
import tomllib
sys.argv = ["diffsim-{command}", *{arguments!r}]
from diffsim.cli.{command} import main
try:
    main()
except SystemExit:
    pass
heavy = {{"jax", "numpy", "pandas", "matplotlib", "optax", "cma", "equinox"}} & set(sys.modules)
assert heavy <= {allowed!r}, heavy
if "jax" in heavy:  # a device would have been asked for before it is chosen
    import jax
    jax.config.update("jax_num_cpu_devices", 3)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


OWN_WIDTH = "--xla_cpu_prefer_vector_width=512"
OWN_OPTIONS = (
    "--xla_backend_extra_options=xla_cpu_use_multi_output_fusion=true,"
    "xla_cpu_small_while_loop_byte_threshold=4000000,xla_cpu_disable_loop_unrolling=true"
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", f"{OWN_WIDTH} {OWN_OPTIONS}"),
        (
            "--xla_cpu_enable_fast_math=false",
            f"--xla_cpu_enable_fast_math=false {OWN_WIDTH} {OWN_OPTIONS}",
        ),
        (
            "--xla_backend_extra_options=xla_mine=1",
            f"--xla_backend_extra_options=xla_mine=1 {OWN_WIDTH}",
        ),
        (
            "--xla_cpu_prefer_vector_width=128",
            f"--xla_cpu_prefer_vector_width=128 {OWN_OPTIONS}",
        ),
    ],
    ids=["none", "others", "own options", "own width"],
)
def test_the_users_xla_flags_are_kept(given, expected, tmp_path):
    program = "import os, diffsim; print(os.environ['XLA_FLAGS'])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"XLA_FLAGS": given, "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == expected


def test_a_jax_that_does_not_know_the_flag_still_runs(tmp_path):
    # What an XLA without these options sees: an entry of the map that it has no use for.
    program = "import diffsim, jax; print(jax.jit(lambda x: x + 1)(1.0))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"XLA_FLAGS": "--xla_backend_extra_options=xla_cpu_no_such_option=true", "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "2.0", done.stderr
