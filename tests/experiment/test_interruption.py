"""Ctrl-C and SIGTERM end a process within two seconds, whatever it is at, and nothing is lost."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diffsim.experiment.interruption import Interrupted, Interruption, current, noting_signals
from diffsim.runs.checkpoint import load_checkpoint
from diffsim.runs.folder import RunFolder
from tests.commands import TIMEOUT_S, diffsim_run

LIMIT_S = 5.0
"""Until the end of the process; promised are 2 s, on a machine that does nothing else."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)
HEAD = """
import signal, sys, time
from pathlib import Path
from diffsim.experiment.interruption import Interruption
sys.stdout.reconfigure(line_buffering=True)
def end(message):
    Path("saved").write_text(message)
    return message + ", saved"
"""
STUCK = "time.sleep(60)"
"""A call in C that lets other threads run, and begins anew after Python's handler (PEP 475)."""

RUN = ("optimizer.iterations=6", "stop_on_success=false", "task.duration=0.1", "device=cpu")
HANGING = """
import sys, time
from pathlib import Path
from diffsim.cli import run
from diffsim.optimizers import evolution, gradient
for kind in (evolution.Evolution, gradient.GradientDescent):
    def step(self, state, step=kind.step, count=[0]):
        count[0] += 1
        if count[0] == 3:
            found = step(self, state)  # what the state holds may have changed already
            Path("hangs").touch()
            time.sleep(60)
        return step(self, state)
    kind.step = step
run.main()
"""
"""A ``diffsim-run`` whose third iteration lasts for a minute."""


def start(folder: Path, program: str, *arguments: str, **streams) -> subprocess.Popen[str]:
    """Start a Python program in a folder."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        stdout=streams.get("stdout", subprocess.PIPE),
        stderr=streams.get("stderr", subprocess.PIPE),
        text=True,
        # A shell that runs the tests in the background makes its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def stop(process: subprocess.Popen[str], number: signal.Signals) -> tuple[float, str]:
    """Send a signal and wait for the end; the seconds that it took, and the standard error."""
    began = time.monotonic()
    process.send_signal(number)
    try:
        _, errors = process.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
    return time.monotonic() - began, errors


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until there is a file."""
    deadline = time.monotonic() + TIMEOUT_S
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def stopped(folder: Path, body: str, number: signal.Signals) -> tuple[int, float, str]:
    """Stop a program of this body once it prints; its exit code, seconds and standard error."""
    process = start(folder, HEAD + body)
    assert process.stdout.readline() == "ready\n"
    seconds, errors = stop(process, number)
    return process.returncode, seconds, errors


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("patient", [True, False])
def test_a_process_that_is_stuck_in_a_call_is_ended_and_saved(patient, number, tmp_path):
    patience = "stop.patience()" if patient else "stop.ending(str)"
    body = f"""
with Interruption("prog") as stop, stop.ending(end), {patience}:
    print("ready")
    {STUCK}
"""
    code, seconds, errors = stopped(tmp_path, body, number)
    assert code == 128 + number
    assert (1.0 if patient else 0.0) < seconds < LIMIT_S
    assert errors == f"prog: error: interrupted by {number.name}, saved\n"
    assert (tmp_path / "saved").read_text() == f"by {number.name}"


def test_one_that_looks_at_the_signal_has_its_own_end(tmp_path):
    body = """
with Interruption("prog") as stop, stop.ending(end):
    with stop.patience():
        print("ready")
        while stop.signal is None:
            time.sleep(0.01)
    stop.tell(f"left by {stop.signal.name}")
sys.exit(7)
"""
    code, seconds, errors = stopped(tmp_path, body, signal.SIGTERM)
    assert (code, errors) in ((7, "left by SIGTERM\n"), (143, "left by SIGTERM\n"))
    assert seconds < 1.0


def test_one_that_leaves_but_does_not_come_to_its_end_is_ended(tmp_path):
    """With what it said itself, and without the ending that it had already."""
    body = f"""
with Interruption("prog") as stop, stop.ending(end):
    with stop.patience():
        print("ready")
        while stop.signal is None:
            time.sleep(0.01)
        stop.leave(15, "by itself")
    {STUCK}
"""
    code, seconds, errors = stopped(tmp_path, body, signal.SIGTERM)
    assert (code, errors) == (143, "prog: error: interrupted by itself\n")
    assert 1.5 < seconds < LIMIT_S
    assert not (tmp_path / "saved").exists()


def test_it_waits_for_files_that_are_being_written(tmp_path):
    body = """
with Interruption("prog") as stop, stop.ending(end):
    with stop.lock:
        print("ready")
        time.sleep(2.5)
        Path("written").touch()
    time.sleep(60)
"""
    code, seconds, errors = stopped(tmp_path, body, signal.SIGTERM)
    assert (code, errors) == (143, "prog: error: interrupted by SIGTERM, saved\n")
    assert seconds > 2.0
    assert (tmp_path / "written").exists()


def test_a_second_signal_stops_at_once(tmp_path):
    body = f"""
with Interruption("prog") as stop, stop.ending(end), stop.lock:
    print("ready")
    {STUCK}
"""
    process = start(tmp_path, HEAD + body)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    seconds, errors = stop(process, signal.SIGINT)
    assert (process.returncode, errors) == (143, "prog: error: interrupted by SIGTERM\n")
    assert seconds < 1.0


def test_an_ending_that_fails_is_told_and_ends_the_process_all_the_same(tmp_path):
    body = f"""
def fail(message):
    raise OSError("the disk\\nis full")
with Interruption("prog") as stop, stop.ending(end), stop.ending(fail):
    print("ready")
    {STUCK}
"""
    code, _, errors = stopped(tmp_path, body, signal.SIGTERM)
    said = "by SIGTERM (OSError: the disk is full)"
    assert (code, errors) == (143, f"prog: error: interrupted {said}, saved\n")
    assert (tmp_path / "saved").read_text() == said


def read_to_end(terminal):
    """All that was written to a terminal whose other end is closed; one read may give a part."""
    parts = []
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 100_000):
            parts.append(part)
    return b"".join(parts).decode()


def test_a_terminal_gets_its_cursor_back(tmp_path):
    ours, theirs = pty.openpty()
    body = f"""
from rich.console import Console
from rich.progress import Progress
with Interruption("prog") as stop, Progress(console=Console()) as bar:
    bar.add_task("training", total=None)
    Path("ready").touch()
    {STUCK}
"""
    process = start(tmp_path, HEAD + body, stdout=theirs, stderr=theirs)
    os.close(theirs)
    wait_for(tmp_path / "ready", process)
    stop(process, signal.SIGTERM)
    shown = read_to_end(ours)
    os.close(ours)
    assert "\x1b[?25l" in shown  # hidden,
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # and shown again
    assert shown.splitlines()[-1] == "prog: error: interrupted by SIGTERM"


def test_everything_is_as_before_after_the_block():
    handlers = [signal.getsignal(number) for number in SIGNALS]
    threads, descriptors = threading.active_count(), set(Path("/proc/self/fd").iterdir())
    with Interruption("prog") as stop:
        assert current() is stop
        assert signal.getsignal(signal.SIGTERM) not in handlers
        assert threading.active_count() == threads + 1
        with noting_signals() as same:
            assert same is stop
    assert [signal.getsignal(number) for number in SIGNALS] == handlers
    assert signal.set_wakeup_fd(-1) == -1
    assert threading.active_count() == threads
    assert set(Path("/proc/self/fd").iterdir()) == descriptors
    assert current() is not stop


def test_without_a_command_a_second_signal_raises():
    with noting_signals() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop.signal == signal.SIGTERM
        with pytest.raises(Interrupted, match="by SIGINT, at once"):
            signal.raise_signal(signal.SIGINT)


def test_in_another_thread_nothing_is_changed():
    handlers = [signal.getsignal(number) for number in SIGNALS]
    found = []

    def job() -> None:
        with Interruption("prog"), noting_signals() as stop:
            found.append([signal.getsignal(number) for number in SIGNALS] == handlers)
            found.append(stop.signal is None)

    thread = threading.Thread(target=job)
    thread.start()
    thread.join()
    assert found == [True, True]


@pytest.mark.parametrize("optimizer", ["adam", pytest.param("cmaes", marks=pytest.mark.slow)])
def test_a_run_stopped_within_an_iteration_ends_as_if_left_alone(optimizer, tmp_path):
    options = (*RUN, f"optimizer={optimizer}")
    process = start(tmp_path, HANGING, *options, "hydra.run.dir=stopped")
    wait_for(tmp_path / "hangs", process)
    seconds, errors = stop(process, signal.SIGTERM)
    assert seconds < LIMIT_S
    assert process.returncode == 143
    said = "by SIGTERM, after iteration 2, while iteration 3 was under way"
    asks = "to go on: diffsim-run resume="
    assert errors == f"diffsim-run: error: interrupted {said}; {asks}{tmp_path / 'stopped'}\n"
    status = json.loads((tmp_path / "stopped" / "status.json").read_text())
    assert status == {"status": "interrupted", "reason": said}
    (checkpoint,) = RunFolder(tmp_path / "stopped").checkpoints()
    assert load_checkpoint(checkpoint).iteration == 2

    for arguments in (("resume=stopped",), (*options, "hydra.run.dir=alone")):
        done = diffsim_run(*arguments, folder=tmp_path)
        assert done.returncode == 0, done.stderr
    assert_equal_runs(tmp_path / "stopped", tmp_path / "alone")


def assert_equal_runs(one: Path, other: Path) -> None:
    """The metrics, but for their seconds, and the last checkpoint are the same bit for bit."""
    tables = [
        pd.read_csv(path / "metrics.csv", dtype=str).drop(columns="wall_s") for path in (one, other)
    ]
    pd.testing.assert_frame_equal(*tables)
    last = [load_checkpoint(RunFolder(path).checkpoints()[-1]) for path in (one, other)]
    assert last[0].iteration == last[1].iteration
    for group, arrays in last[0].arrays.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, last[1].arrays[group][name])


def test_a_sweep_is_stopped_as_a_whole_and_goes_on(tmp_path):
    options = (*RUN, "optimizer=cmaes", "seed=0,1", "hydra.sweep.dir=here")
    process = start(tmp_path, HANGING, "-m", *options)
    wait_for(tmp_path / "hangs", process)
    seconds, errors = stop(process, signal.SIGINT)
    assert seconds < LIMIT_S
    assert process.returncode == 130
    (line,) = errors.splitlines()
    assert line.endswith(f"to go on: diffsim-run resume={tmp_path / 'here'}")
    status = json.loads((tmp_path / "here" / "job_0" / "status.json").read_text())
    assert status["status"] == "interrupted"
    assert not (tmp_path / "here" / "job_1").exists()
    done = diffsim_run("resume=here", folder=tmp_path)
    assert "2 of 2 jobs are finished" in done.stdout, done.stderr


GAIT = ("experiment=quadruped_gait", "device.compilation_cache=off", "hydra.run.dir=run")
MOMENTS = {
    "imports": ("run", 0.3),
    "tracing": ("run", 4.0),
    "tracing the gradient": ("run/manifest.json", 2.0),
    "compiling the gradient": ("run/manifest.json", 16.0),
}
"""A file that is there by then, and seconds after it."""


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("imports", signal.SIGINT),
        ("tracing", signal.SIGTERM),
        pytest.param("tracing the gradient", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("compiling the gradient", signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_a_run_is_stopped_at_any_moment_of_its_start(moment, number, tmp_path):
    name, seconds = MOMENTS[moment]
    program = "from diffsim.cli.run import main; main()"
    process = start(tmp_path, program, *GAIT)
    wait_for(tmp_path / name, process)
    time.sleep(seconds)
    seconds, errors = stop(process, number)
    assert seconds < LIMIT_S
    assert process.returncode == 128 + number
    (line,) = errors.splitlines()
    assert line.startswith(f"diffsim-run: error: interrupted by {number.name}")
    if (tmp_path / "run" / "manifest.json").exists():
        status = json.loads((tmp_path / "run" / "status.json").read_text())
        assert status["status"] == "interrupted"
        assert line.endswith(f"; to go on: diffsim-run resume={tmp_path / 'run'}")
    else:
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["check", "bench"])
def test_other_commands_are_stopped_while_they_compile(command, tmp_path):
    program = f"if __name__ == '__main__': from diffsim.cli.{command} import main; main()"
    process = start(tmp_path, program, "robot=quadruped", stdout=subprocess.DEVNULL)
    time.sleep(5.0)
    seconds, errors = stop(process, signal.SIGTERM)
    assert seconds < LIMIT_S
    assert process.returncode == 143
    assert errors == f"diffsim-{command}: error: interrupted by SIGTERM\n"
