"""Bad input gets one line that names key and value, an exit code of 1 or 2, and no traceback."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.commands import diffsim_run


class Case(NamedTuple):
    """Arguments, and what the message has to say."""

    arguments: tuple[str, ...]
    says: tuple[str, ...]
    code: int = 2


BALL = "robot.bodies.ball"
CASES = {
    # Names that do not exist.
    "unknown robot": Case(("robot=bal",), ("robot/bal", "ball")),
    "unknown optimiser": Case(("optimizer=newton",), ("optimizer/newton", "adam")),
    "unknown preset": Case(("experiment=balls",), ("experiment/balls", "ball_adam")),
    "unknown device": Case(("device=tpu",), ("device/tpu", "cpu")),
    "unknown optax method": Case(("optimizer.method=adm",), ("optimizer.method", "'adm'", "adam")),
    "unknown shape": Case((f"{BALL}.shape=cone",), (f"{BALL}.shape", "'cone'", "sphere")),
    "unknown precision": Case(("precision=float16",), ("precision", "float16", "float64")),
    "unknown friction law": Case(("solver.friction=disc",), ("solver.friction", "disc", "cone")),
    "unknown body in task": Case(("task.body=bal",), ("task.body", "'bal'", "ball")),
    # Keys that do not exist.
    "misspelt key": Case(("robot.frictoin=0.5",), ("robot.frictoin", "friction")),
    "misspelt key of a choice": Case(
        ("optimizer.learningrate=1",), ("learningrate", "learning_rate")
    ),
    "name that is not there": Case(
        ("robot.bodies.head.mass=2",), ("robot.bodies.head", "put + before the key")
    ),
    "path of a draw": Case(
        ("+task.randomize.robot.friktion=[0,1]",), ("task.randomize.robot.friktion", "friction")
    ),
    "added key": Case(("+foo=1",), ("foo", "robot")),
    "added key in a group": Case(("+optimizer.foo=1",), ("optimizer.foo", "learning_rate")),
    "option of no method": Case(("+optimizer.options.zzz=1",), ("optimizer.options.zzz", "b1")),
    "path of a variable": Case(
        ("variables.spin.path=robot.bodies.ball.spin",), ("variables.spin.path", "angular_velocity")
    ),
    "path to no number": Case(
        ("variables.spin.path=robot.name",), ("variables.spin.path", "number")
    ),
    # Values of a wrong type or shape.
    "text for a number": Case(("robot.friction=abc",), ("robot.friction", "abc")),
    "fraction for a count": Case(("seed=1.5",), ("seed", "1.5")),
    "null for a number": Case(("robot.friction=null",), ("robot.friction",)),
    "number for a body": Case((f"{BALL}=3",), (BALL, "3")),
    "too few coordinates": Case(
        (f"{BALL}.position=[0,0]",), (f"{BALL}.position", "3", "[0.0, 0.0]")
    ),
    "text among coordinates": Case((f"{BALL}.position=[0,0,x]",), (f"{BALL}.position", "'x'")),
    "too many scales": Case(
        ("variables.spin.scale=[1,2]",), ("variables.spin.scale", "[1.0, 2.0]")
    ),
    # What no memory can hold.
    "too many steps": Case(
        ("simulation.dt=1e-9",), ("simulation.checkpoint=steps", "GB", "nested")
    ),
    # Values out of range.
    "negative mass": Case((f"{BALL}.mass=-1",), (f"{BALL}.mass", "> 0", "-1.0")),
    "zero radius": Case((f"{BALL}.radius=0",), (f"{BALL}.radius", "> 0", "0.0")),
    "no radius": Case((f"{BALL}.radius=null",), (f"{BALL}.radius",)),
    "negative friction": Case(("robot.friction=-0.1",), ("robot.friction", ">= 0", "-0.1")),
    "restitution above one": Case(("robot.restitution=1.5",), ("robot.restitution", "<= 1", "1.5")),
    "zero time step": Case(("simulation.dt=0",), ("simulation.dt", "> 0", "0.0")),
    "time step beyond the end": Case(("simulation.dt=6",), ("simulation.dt", "5.0", "6.0")),
    "nan": Case(("simulation.dt=nan",), ("simulation.dt", "finite", "nan")),
    "infinite gravity": Case(("simulation.gravity=[0,0,-inf]",), ("simulation.gravity[2]", "-inf")),
    "zero orientation": Case((f"{BALL}.orientation=[0,0,0,0]",), (f"{BALL}.orientation", "zero")),
    "impossible inertia": Case(
        (f"{BALL}.inertia=[1,1,3]",), (f"{BALL}.inertia", "[1.0, 1.0, 3.0]")
    ),
    "no sweeps": Case(("solver.iterations=0",), ("solver.iterations", ">= 1", "0")),
    "negative seed": Case(("seed=-1",), ("seed", ">= 0", "-1")),
    "start out of bounds": Case(
        ("variables.velocity.lower=1",), ("robot.bodies.ball.velocity", "variables.velocity", "1.0")
    ),
    "bounds that cross": Case(
        ("variables.spin.lower=1", "variables.spin.upper=0"),
        ("angular_velocity", "0.0", "1.0"),
    ),
    "name of a body that is a number": Case(
        ("+robot.bodies={1: {shape: sphere, radius: 1}}",), ("robot.bodies", "got 1", "quote")
    ),
    "name that is taken": Case(
        ("+robot.bodies={ground: {shape: sphere, radius: 1}}",), ("robot.bodies", "'ground'")
    ),
    "rigid contact as a variable": Case(
        (
            "robot.contact_frequency=inf",
            "+variables={f: {path: robot.contact_frequency}}",
        ),
        ("robot.contact_frequency", "inf"),
    ),
    "variables that overlap": Case(
        ("+variables={up: {path: robot.bodies.ball.velocity.2}}",), ("variables.up.path", "overlap")
    ),
    "sensor that is not there yet": Case(
        ("+robot.sensors.x={type: position, body: ball}",), ("x: ", "'+robot.sensors={NAME: ")
    ),
    # Things that do not fit together.
    "nothing to optimise": Case(("~variables",), ("variables",)),
    "no controller to optimise": Case(("variables=controller",), ("variables.controller", "none")),
    "controller without commands": Case(
        ("controller=linear", "variables=controller"), ("variables.controller", "thrusters")
    ),
    "two choices that exclude each other": Case(("optimizer=[adam,lm]",), ("optimizer",)),
    # Names that lead out of the outputs folder.
    "path in the name": Case(("name=../x",), ("name", "'../x'")),
    # Override grammar and interpolation.
    "no equals sign": Case(("nonsense",), ("nonsense",)),
    "dangling interpolation": Case(("robot.friction=${foo}",), ("robot.friction", "foo")),
    "no code from a config": Case(("+task._target_=os.system",), ("task._target_",)),
    # Files and folders.
    "file that is not YAML": Case(
        ("--config-dir", "mine", "robot=broken"), ("broken.yaml", "line")
    ),
    "file that is not text": Case(("--config-dir", "mine", "robot=binary"), ("utf-8",), 1),
    "file that is no mapping": Case(("--config-dir", "mine", "robot=scalar"), ("robot", "hello")),
    "yaml that makes objects": Case(("--config-dir", "mine", "robot=object"), ("tag",)),
    "config folder missing": Case(("--config-dir", "nowhere"), ("nowhere",)),
    "outputs folder is a file": Case(("output_root=afile",), ("afile",), 1),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bad_input")
    robots = folder / "mine" / "robot"
    robots.mkdir(parents=True)
    (robots / "broken.yaml").write_text("name: [x\n bad: : :\n")
    (robots / "binary.yaml").write_bytes(b"\x00\xff\xfe")
    (robots / "scalar.yaml").write_text("hello\n")
    (robots / "object.yaml").write_text('name: !!python/object/apply:os.system ["true"]\n')
    (folder / "afile").write_text("")
    return folder


def test_the_table_is_long_enough():
    assert len(CASES) >= 30


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_told_in_one_line(name, folder):
    case = CASES[name]
    done = diffsim_run(*case.arguments, folder=folder)
    assert done.returncode == case.code, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    for part in case.says:
        assert part in done.stderr, done.stderr
    # Nothing is left behind, but for folders of the day.
    assert not [path for path in folder.glob("outputs/*/*/*") if path.is_file()]


def test_a_gpu_that_is_not_there_is_an_error_and_not_a_slow_run(folder):
    jax = pytest.importorskip("jax")
    if any(device.platform == "gpu" for device in jax.devices()):
        pytest.skip("this machine has a GPU")
    done = diffsim_run("device=gpu", folder=folder)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "device=gpu" in done.stderr
    assert "cpu" in done.stderr


def test_an_outputs_folder_that_may_not_be_written_is_told(tmp_path):
    # A file where a folder of the run would be: this stops root, too, unlike permissions.
    (tmp_path / "outputs").write_text("")
    done = diffsim_run(folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "outputs" in done.stderr
