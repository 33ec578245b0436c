"""Kinds from outside the package are found: by an entry point, and as a named plugin."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from diffsim.joints.table import JOINT_TYPES
from diffsim.robots.build import build_world
from diffsim.robots.load import load_robot
from diffsim.shapes.table import SHAPES
from diffsim.tables import KindTable, load_plugins, require_plugins
from diffsim.validation import ConfigError
from tests.commands import diffsim_check, diffsim_eval, diffsim_run, run_folders

OWN = Path(__file__).parent
ROBOT = """
name: nut
bodies:
  nut: {shape: capsule, radius: 0.05, parameters: {length: 0.1}, mass: 1.0}
joints:
  spindle:
    {type: screw, parent: world, child: nut, parent_offset: [0.0, 0.0, 1.0],
     parameters: {pitch: 0.02}, velocity: [3.0]}
motors:
  spindle: {joint: spindle, type: torque, max_force: 0.5}
sensors:
  angle: {type: joint_position, joint: spindle}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project of a user, with modules of their own beside a robot."""
    for name in ("capsule", "screw"):
        shutil.copy(OWN / f"{name}.py", tmp_path / f"my_{name}.py")
    (tmp_path / "mine" / "robot").mkdir(parents=True)
    (tmp_path / "mine" / "robot" / "nut.yaml").write_text(ROBOT)
    return tmp_path


PLUGINS = "plugins=[my_capsule,my_screw]"
CONFIG = ("--config-dir", "mine", "robot=nut")


def test_without_them_the_kinds_are_not_known(folder: Path) -> None:
    done = diffsim_check(*CONFIG, folder=folder)
    assert done.returncode == 2
    assert "robot.bodies.nut.shape must be one of sphere, box, got 'capsule'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_plugin_that_cannot_be_imported_is_named(folder: Path) -> None:
    done = diffsim_check(*CONFIG, "plugins=[nowhere]", folder=folder)
    assert done.returncode == 2
    assert "plugins must name modules that can be imported, got 'nowhere'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_robot_with_kinds_of_plugins_passes_the_check_and_is_trained(folder: Path) -> None:
    checked = diffsim_check(*CONFIG, PLUGINS, "device=cpu", folder=folder)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "screw" in checked.stdout
    trained = diffsim_run(
        *(*CONFIG, PLUGINS, "task=gait", "task.body=nut", "task.duration=0.1"),
        *("controller=linear", "variables=controller", "optimizer=adam", "optimizer.iterations=2"),
        "device=cpu",
        folder=folder,
    )
    assert trained.returncode == 0, trained.stderr
    (run,) = run_folders(folder)
    # A run's folder alone never has code run.
    refused = diffsim_eval(f"run={run}", "device=cpu", folder=folder)
    assert refused.returncode == 2
    assert "add plugins=[my_capsule,my_screw]" in refused.stderr
    done = diffsim_eval(f"run={run}", "device=cpu", "episodes=1", PLUGINS, folder=folder)
    assert done.returncode == 0, done.stderr


def test_entry_points_of_installed_packages_are_found(folder: Path) -> None:
    """A package is what has a folder with metadata on Python's path."""
    metadata = folder / "my_package-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[diffsim.joints]\nspindle = my_spindle:Screw\n[diffsim.shapes]\nbroken = my_absent:Shape\n"
    )
    # Its last line may stay: it enters the same class under the same name.
    text = (folder / "my_screw.py").read_text()
    (folder / "my_spindle.py").write_text(text.replace('"screw"', '"spindle"'))
    program = """
import diffsim
from diffsim.joints.table import JOINT_TYPES
from diffsim.shapes.table import SHAPES
from diffsim.validation import ConfigError
joint = {"type": "spindle", "parent": "world", "child": "a", "parameters": {"pitch": 0.1}}
body = {"shape": "sphere", "radius": 0.1}
robot = diffsim.load_robot({"name": "r", "bodies": {"a": body}, "joints": {"j": joint}})
assert diffsim.build_world(robot, [0, 0, 0], 0.01).joints.types == ("spindle",)
assert [*JOINT_TYPES][-1] == "spindle" and "broken" in SHAPES
try:
    SHAPES["broken"]
except ConfigError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "entry point diffsim.shapes 'broken' = my_absent:Shape cannot be loaded" in done.stdout


def test_names_are_given_once() -> None:
    table: KindTable[object] = KindTable("shapes", {"sphere": "diffsim.shapes.sphere:Sphere"})
    table.add("mine", object())
    with pytest.raises(ValueError, match="got 'sphere' twice"):
        table.add("sphere", object())
    assert [*table] == ["sphere", "mine"]
    assert len(table) == 2
    with pytest.raises(KeyError):
        table["other"]


def test_plugins_of_a_saved_run_have_to_be_named() -> None:
    load_plugins(["tests.extensions.screw"])
    require_plugins(["tests.extensions.screw"])
    with pytest.raises(ConfigError, match=r"add plugins=\[absent\]"):
        require_plugins(["absent"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"joints\.j\.parameters\.pitch must be given for a screw joint \[m\]"),
        ({"pitch": 0.0}, r"joints\.j\.parameters\.pitch must not be 0, got 0"),
        (
            {"pitch": 1.0, "lead": 2.0},
            r"parameters must be one of pitch for a screw joint, got 'lead'",
        ),
    ],
)
def test_parameters_of_a_joint_type_are_checked(given: dict[str, float], message: str) -> None:
    load_plugins(["tests.extensions.screw"])
    assert "screw" in JOINT_TYPES
    joint = {"type": "screw", "parent": "world", "child": "a", "parameters": given}
    body = {"shape": "sphere", "radius": 0.1}
    with pytest.raises(ConfigError, match=message):
        load_robot({"name": "r", "bodies": {"a": body}, "joints": {"j": joint}})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"shape": "capsule", "radius": 0.1}, r"parameters\.length must be given for a capsule"),
        (
            {"shape": "capsule", "radius": 0.1, "parameters": {"length": -1.0}},
            r"parameters\.length must be > 0, got -1",
        ),
        (
            {"shape": "sphere", "radius": 1.0, "parameters": {"a": 1.0}},
            "must be left out for a sphere",
        ),
        ({"shape": "plane"}, r"shape must be one of sphere, box(, \w+)*, got 'plane'"),
        ({"mass": 1.0, "radius": 0.1}, r"bodies\.a\.radius must be left out without shape"),
        ({"mass": 1.0}, r"bodies\.a\.inertia must be given for a body without shape or geoms"),
        ({"geoms": {"g": {"shape": "sphere"}}}, r"bodies\.a\.geoms\.g\.radius must be given"),
        (
            {"shape": "sphere", "radius": 0.1, "center_of_mass": [0, 0, 0.1]},
            r"inertia must be given beside center_of_mass",
        ),
        (
            {"mass": 1.0, "inertia": [1.0, 1.0, 1.0], "products_of_inertia": [2.0, 0.0, 0.0]},
            r"inertia must satisfy the triangle inequality",
        ),
    ],
)
def test_shapes_and_masses_are_checked(body: dict[str, object], message: str) -> None:
    load_plugins(["tests.extensions.capsule"])
    assert "capsule" in SHAPES
    with pytest.raises(ConfigError, match=message):
        load_robot({"name": "r", "bodies": {"a": body}})


def test_a_joint_needs_no_face_of_a_body_without_shape() -> None:
    bodies = {
        "a": {"mass": 1.0, "inertia": [1.0, 1.0, 1.0]},
        "b": {"shape": "sphere", "radius": 0.1},
    }
    joint = {"type": "hinge", "parent": "a", "child": "b", "parent_face": [0, 0, 1]}
    with pytest.raises(ConfigError, match=r"parent_face must be \[0, 0, 0\]"):
        load_robot({"name": "r", "bodies": bodies, "joints": {"j": joint}})


BALLS = {"radius": 0.1, "shape": "sphere"}
TWO_GEOMS = {"geoms": {"x": BALLS, "y": BALLS}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"contact_pairs": [["a.x", "a.y"]]}, r"must name two different bodies"),
        ({"contact_pairs": [["a", "b"], ["b", "a.y"]]}, r"\[1\] must not repeat a pair"),
        ({"contact_pairs": [["a.z", "b"]]}, r"must be one of a, b, a\.x, a\.y, got 'a\.z'"),
        ({"scenery": {"b": {"solid": True}}}, r"must name solid planes otherwise than bodies"),
        (
            {"scenery": {"c": {"friction": 0.2}}},
            r"c\.friction must be null for a plane that is not",
        ),
    ],
)
def test_geoms_are_named_once(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_robot({"name": "r", "bodies": {"a": TWO_GEOMS, "b": BALLS}, **change})


def test_a_pair_may_name_a_single_geom() -> None:
    bodies = {"a": TWO_GEOMS, "b": BALLS}
    robot = load_robot({"name": "r", "bodies": bodies, "contact_pairs": [["a.y", "b"]]})
    contacts = build_world(robot, [0.0, 0.0, 0.0], 0.01).contacts
    assert contacts.names == ("a.x/ground", "b/ground", "a.y/ground", "a.y/b")


def test_pairs_of_shapes_that_cannot_touch_are_refused() -> None:
    bodies = {
        "a": {"shape": "box", "size": [1, 1, 1]},
        "b": {"shape": "sphere", "radius": 0.1},
    }
    with pytest.raises(
        ConfigError, match=r"whose shapes can touch, got \['a', 'b'\]: box and sphere"
    ):
        load_robot({"name": "r", "bodies": bodies, "contact_pairs": [["a", "b"]]})
