"""Nothing in a config can execute code: every attempt leaves a file behind, if it succeeds."""

from __future__ import annotations

import pytest

from tests.commands import diffsim_run

MARK = "executed"
TOUCH = f"touch {MARK}"
SAVE = f"numpy.savetxt, fname: {MARK}, X: [1]"
"""A harmless function, which no list of dangerous ones has."""
OURS = "hydra_plugins.diffsim_launcher"
GLOBAL = "# @package _global_\n"

ROBOTS = {
    "callback": f"{GLOBAL}hydra: {{callbacks: {{x: {{_target_: {SAVE}}}}}}}",
    "replaced callback": f"{GLOBAL}hydra: {{callbacks: {{sweep: {{_target_: os.system}}}}}}",
    "logging handler": (
        f"{GLOBAL}hydra: {{job_logging: {{version: 1, root: {{handlers: [x]}}, "
        f"handlers: {{x: {{(): {SAVE}}}}}}}}}"
    ),
    "logging formatter": (
        f"{GLOBAL}hydra: {{hydra_logging: {{version: 1, root: {{handlers: [h]}}, handlers: "
        "{h: {class: logging.StreamHandler, formatter: x}}, "
        f"formatters: {{x: {{(): {SAVE}}}}}}}}}"
    ),
    "interpolated launcher": (
        f"{GLOBAL}hydra: {{env: {{evil: {{_target_: {SAVE}}}}}, "
        "launcher: {x: ${hydra.env.evil}}}"
    ),
    "launcher's script": f"{GLOBAL}hydra: {{launcher: {{setup: ['{TOUCH}']}}}}",
    "interpolated logging": f"{GLOBAL}hydra: {{job_logging: '${{hydra.env}}'}}",
    "mode": f"{GLOBAL}hydra: {{mode: MULTIRUN, sweeper: {{params: {{robot: evil}}}}, "
    f"job: {{env_set: {{LD_PRELOAD: /tmp/x.so}}}}}}",
    "sweep over Hydra's keys": (
        f"{GLOBAL}hydra: {{sweeper: {{params: {{'+hydra.job.env_set.LD_PRELOAD': 'a,b'}}}}}}"
    ),
    "launcher": f"{GLOBAL}hydra: {{launcher: {{_target_: {SAVE}}}}}",
    "sweeper": f"{GLOBAL}hydra: {{sweeper: {{_target_: {SAVE}}}}}",
    "launcher's argument": (
        f"{GLOBAL}hydra: {{launcher: {{_target_: {OURS}.ProcessLauncher, n_jobs: {{_target_: "
        f"{OURS}.Path.write_text, _args_: [{{_target_: {OURS}.Path, _args_: [{MARK}]}}, x]}}}}}}"
    ),
    "function of a plug-in": (
        f"{GLOBAL}hydra: {{launcher: {{_target_: {OURS}.Path.touch, self: {{_target_: {OURS}.Path, "
        f"_args_: [{MARK}]}}}}}}"
    ),
    "environment": f"{GLOBAL}hydra: {{job: {{env_set: {{LD_PRELOAD: /tmp/x.so}}}}}}",
    "target in a body": f"bodies: {{ball: {{_target_: {SAVE}}}}}",
    "YAML tag": f"name: !!python/object/apply:os.system ['{TOUCH}']",
    "YAML object": f"bodies: !!python/object/new:os.system ['{TOUCH}']",
    "unknown resolver": f"name: ${{python:__import__('os').system('{TOUCH}')}}",
}


IN_A_SWEEP = (
    *("callback", "logging handler", "environment", "interpolated launcher", "launcher's script"),
    *("launcher's argument", "function of a plug-in"),
    *("mode", "sweep over Hydra's keys"),
)


@pytest.mark.parametrize(
    ("name", "sweep"), [*((name, ()) for name in ROBOTS), *((name, ("-m",)) for name in IN_A_SWEEP)]
)
def test_a_robots_file_cannot_execute_code(name, sweep, tmp_path):
    (tmp_path / "mine" / "robot").mkdir(parents=True)
    (tmp_path / "mine" / "robot" / "evil.yaml").write_text(ROBOTS[name])
    done = diffsim_run("--config-dir", "mine", *sweep, "robot=evil", folder=tmp_path)
    assert not (tmp_path / MARK).exists()
    assert done.returncode == (1 if sweep and "of 1 jobs" in done.stdout else 2), done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "a/../../b", "..", "-rf"])
def test_a_name_leads_nowhere_else(name, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    done = diffsim_run(f"name='{name}'", "optimizer=cmaes", "optimizer.iterations=1", folder=home)
    assert {path.name for path in tmp_path.iterdir()} == {"home"}
    assert done.returncode in (0, 2)
    assert "Traceback" not in done.stderr
