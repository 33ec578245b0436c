"""One pool of jobs, for parallel sweeps, for the reproduction of the paper and for benchmarks.

A job is a command as anyone could type it, in a process of its own with its own cores; several run
at once, and what is done already is left out.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from diffsim.cli.command import SHOW_TRACEBACK
from diffsim.cli.configuration import compose_config, quoted
from diffsim.experiment.manifest import restore_config
from diffsim.runs.files import is_held, write_json
from diffsim.runs.folder import JOB_FILE, RunFolder, read_json
from diffsim.validation import ConfigError

PROGRAMS = {
    "diffsim-run": "diffsim.cli.run",
    "diffsim-eval": "diffsim.cli.eval",
    "diffsim-bench": "diffsim.cli.bench",
}
TRIES = "tries.json"
LOG = "job.log"
POLL_S = 0.5


@dataclass(frozen=True)
class Job:
    """One command.

    Attributes:
        name: of its folder, and in the report.
        program: ``diffsim-run``, ``diffsim-eval`` or ``diffsim-bench``.
        overrides: that it is given.
        folder: where its results go.
        expected_s: about how long it takes on one core, for the time left [s].
        hydra_arguments: overrides of Hydra's own config and options, which reports leave out.
    """

    name: str
    program: str
    overrides: tuple[str, ...]
    folder: Path
    expected_s: float
    hydra_arguments: tuple[str, ...] = ()

    @property
    def destination(self) -> str:
        """The override by which its results go where they belong."""
        return ("output=" if self.program == "diffsim-eval" else "hydra.run.dir=") + as_value(
            self.folder
        )

    @property
    def arguments(self) -> tuple[str, ...]:
        """Everything behind the program's name."""
        return (*self.overrides, *self.hydra_arguments, self.destination)

    @property
    def command(self) -> str:
        """Command as it is typed, without the folder of its results."""
        return shlex.join([self.program, *self.overrides])


def as_value(path: Path) -> str:
    """A path as the value of an override, in quotes if Hydra needs them."""
    return str(path) if re.fullmatch(r"[\w./-]+", str(path), re.ASCII) else quoted(str(path))


@dataclass(frozen=True)
class Chain:
    """Jobs that need each other's results, in this order: a training, then its evaluations.

    Attributes:
        jobs: at least one.
        alone: whether nothing else may run meanwhile, as time is what is measured.
    """

    jobs: tuple[Job, ...]
    alone: bool = False

    @property
    def expected_s(self) -> float:
        """Expected time of all jobs [s]."""
        return sum(job.expected_s for job in self.jobs)


@dataclass(frozen=True)
class Record:
    """Record of a job that is done.

    Attributes:
        command: that was run.
        seconds: it took in all, those of interrupted tries included.
    """

    command: str
    seconds: float


@dataclass
class _Running:
    """A job's process, and how many signals it has been sent."""

    job: Job
    process: subprocess.Popen[bytes]
    asked: int = 0


class Stopped(Exception):
    """Someone asked to stop; what has been done is kept.

    Attributes:
        signal: the first that came.
    """

    def __init__(self, found: signal.Signals) -> None:
        super().__init__(found.name)
        self.signal = found


def record_of(job: Job) -> Record | None:
    """Record of a job, None if it is not done.

    Raises:
        ConfigError: if its folder holds the result of another command or config.
    """
    try:
        content = json.loads((job.folder / JOB_FILE).read_text())
        found = Record(str(content["command"]), float(content["seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if found.command != job.command or not _same_config(job):
        raise ConfigError(
            f"{job.folder} holds the result of another command or preset than '{job.command}' "
            "now means: move it away, or choose another folder"
        )
    return found


def _same_config(job: Job) -> bool:
    """Return whether a training was made with the config that its command means now."""
    if job.program != "diffsim-run":
        return True
    made = restore_config(RunFolder(job.folder).manifest()["config"])
    return made == compose_config(*job.overrides)


class Pool:
    """Runs chains of jobs, several at once, and shows how it gets on.

    Every worker has an equal share of the cores, which its jobs keep to; a chain that must be
    alone has all of them.

    Args:
        chains: in the order in which they begin.
        console: that tells how it gets on.
        at_once: most chains at once; as many as there are cores if None, as programs of small
            robots gain little from a second one.
        is_done: says of a job that it is to be left out.
    """

    def __init__(
        self,
        chains: Sequence[Chain],
        console: Console,
        at_once: int | None = None,
        is_done: Callable[[Job], object] = record_of,
    ) -> None:
        self._console = console
        self._done = {job.name for chain in chains for job in chain.jobs if is_done(job)}
        left = [chain for chain in chains if {job.name for job in chain.jobs} - self._done]
        self._alone = [chain for chain in left if chain.alone]
        self._others = [chain for chain in left if not chain.alone]
        most = min(len(_cores()) or os.cpu_count() or 1, at_once or sys.maxsize)
        self._workers = workers = max(1, min(most, len(self._others)))
        self._worths = {
            job.name: job.expected_s * (workers if chain.alone else 1)
            for chain in chains
            for job in chain.jobs
        }
        self._kept = sum(self._worths[name] for name in self._done)
        self._running: dict[str, _Running] = {}
        self._lock = threading.Lock()
        self._begin = time.monotonic()
        self._signals: list[signal.Signals] = []  # that have come
        self._woken = threading.Event()  # by a signal
        self.failed: dict[str, str] = {}
        """Of jobs that failed, the reason."""

    def run(self) -> None:
        """Run what is not done yet.

        Raises:
            Stopped: on Ctrl-C or SIGTERM, when the jobs that were running have stopped; with that
                signal.
        """
        previous = {
            number: signal.signal(number, self._ask_to_stop)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            with self._display() as display:
                self._work(self._alone, 1, display)
                self._work(self._others, self._workers, display)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        if self._signals:
            raise Stopped(self._signals[0])

    def end(self) -> None:
        """Ask all jobs to end, without waiting for it; another thread may call this, too."""
        with self._lock:
            for running in self._running.values():
                running.process.terminate()

    def _work(self, chains: Sequence[Chain], workers: int, display: Progress) -> None:
        waiting: queue.SimpleQueue[Chain] = queue.SimpleQueue()
        for chain in chains:
            waiting.put(chain)
        cores = _cores()
        bounds = [number * len(cores) // workers for number in range(workers + 1)]
        threads = [
            threading.Thread(target=self._worker, args=(waiting, cores[begin:end], workers))
            for begin, end in pairwise(bounds)
        ]
        for thread in threads:
            thread.start()
        task = display.task_ids[0] if display.task_ids else None
        while any(thread.is_alive() for thread in threads):
            self._woken.wait(POLL_S)
            self._woken.clear()
            if self._signals:  # which a job that has just begun may not have been sent yet
                self._pass_signals_on()
            if task is not None:
                display.update(task, completed=self._worth(), what=self._state())

    def _worker(self, waiting: queue.SimpleQueue[Chain], cores: list[int], workers: int) -> None:
        """Run chains until there are no more.

        Args:
            waiting: the chains that no worker has begun.
            cores: that this one has; none where that cannot be said.
            workers: how many there are.
        """
        if cores:
            os.sched_setaffinity(0, cores)  # of this thread, and of the processes that it starts
        while not self._signals:
            try:
                chain = waiting.get_nowait()
            except queue.Empty:
                return
            for job in chain.jobs:
                if job.name in self._done:
                    continue
                try:
                    done = not self._signals and self._finish(job, workers)
                except Exception as error:  # the disk is full, for example
                    self._fail(job, f"{type(error).__name__}: {error}")
                    done = False
                if not done:
                    break  # what comes after needs its result

    def _finish(self, job: Job, workers: int) -> bool:
        """Run a job to its end, and record that; return whether its result is there."""
        job.folder.mkdir(parents=True, exist_ok=True)
        if not self._is_free(job):
            return False
        tries = job.folder / TRIES
        before = read_json(tries)["seconds"] if tries.exists() else 0.0
        begin = time.monotonic()
        code = 0 if _is_over(job) else self._run_process(job, workers)
        seconds = before + time.monotonic() - begin
        if code == 0 or _is_over(job):
            record = {"command": job.command, "overrides": job.overrides, "seconds": seconds}
            write_json(job.folder / JOB_FILE, record)
            tries.unlink(missing_ok=True)
            self._done.add(job.name)
            self._print(f"{job.name}: {_outcome(job)}{seconds:.0f} s; {self._state()}")
            return True
        write_json(tries, {"seconds": seconds})
        if not self._signals:
            self._fail(job, _reason(job, code))
        return False

    def _is_free(self, job: Job) -> bool:
        """Wait for a process of a pool that was killed; return False if there came a signal."""
        if is_held(job.folder):
            self._print(f"{job.name}: waiting for another process that works in {job.folder}")
        while is_held(job.folder):
            if self._signals:
                return False
            time.sleep(POLL_S)
        return True

    def _run_process(self, job: Job, workers: int) -> int:
        """Run a job's command; its exit code."""
        with (job.folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", PROGRAMS[job.program], *_arguments(job)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(workers),
                start_new_session=True,  # Ctrl-C comes to this process, which passes it on
            )
            with self._lock:
                self._running[job.name] = _Running(job, process)
            try:
                return process.wait()
            finally:
                with self._lock:
                    del self._running[job.name]

    def _fail(self, job: Job, reason: str) -> None:
        self.failed[job.name] = reason
        self._print(f"{job.name} failed: {reason}")

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(signal.Signals(number))
        self._woken.set()

    def _pass_signals_on(self) -> None:
        """Pass every signal on: by the first a training ends with a checkpoint, then at once."""
        with self._lock:
            for running in self._running.values():
                if running.asked < len(self._signals):
                    running.asked += 1
                    running.process.terminate()
                    if running.asked == 1:
                        self._print(f"stopping {running.job.name} after its iteration")

    def _worth(self) -> float:
        """Work that is done, in expected seconds of one worker."""
        with self._lock:
            running = [one.job for one in self._running.values()]
        return sum(self._worths[name] for name in tuple(self._done)) + sum(
            self._worths[job.name] * _share_done(job) for job in running
        )

    def _state(self) -> str:
        """The jobs that are done, and the time left, in words."""
        worth, passed = self._worth(), time.monotonic() - self._begin
        text = f"{len(self._done)} of {len(self._worths)} jobs"
        if worth > self._kept and len(self._done) < len(self._worths):
            left = (sum(self._worths.values()) - worth) * passed / (worth - self._kept)
            text += f", about {_duration(left)} left"
        return text

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _display(self) -> Progress:
        display = Progress(
            TextColumn("running"),
            BarColumn(),
            TextColumn("{task.fields[what]}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        task = display.add_task("running", total=sum(self._worths.values()), what="")
        display.update(task, completed=self._kept)
        return display


def _environment(workers: int) -> dict[str, str]:
    """The environment of a job's process, one of so many on a GPU."""
    environment = {"XLA_PYTHON_CLIENT_MEM_FRACTION": f"{0.9 / workers:.3f}"} | dict(os.environ)
    if not SHOW_TRACEBACK:  # of a command, which asks Hydra for its exceptions
        environment.pop("HYDRA_FULL_ERROR", None)
    return environment


def _cores() -> list[int]:
    """The cores that this process may use; none where that cannot be said."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _is_over(job: Job) -> bool:
    """Return whether a training came to its end, which a record may not yet say."""
    return job.program == "diffsim-run" and RunFolder(job.folder).is_over


def _outcome(job: Job) -> str:
    """Status of a training and its reason, to begin a line with; nothing of anything else."""
    status = RunFolder(job.folder).status() if job.program == "diffsim-run" else None
    return "" if status is None else f"{status}; "


def _arguments(job: Job) -> tuple[str, ...]:
    """Arguments of a job's program: to begin, or to go on."""
    if job.program == "diffsim-run" and RunFolder(job.folder).has_begun:
        # With the whole command: a run whose config is another one by now is refused.
        return (*job.arguments, f"resume={as_value(job.folder)}")
    return job.arguments


def _share_done(job: Job) -> float:
    """Share of a running training that is done, from its files; 0 of anything else."""
    try:
        run = RunFolder(job.folder)
        rows = sum(1 for _ in run.metrics_path.open()) - 1
        wanted = run.manifest()["config"]["optimizer"]["iterations"]
        return min(1.0, max(0.0, rows / wanted))
    except (OSError, ValueError, KeyError):
        return 0.0


def _reason(job: Job, code: int) -> str:
    """The reason for which a job failed: its last line, or the signal by which it was killed."""
    last = _last_line(job.folder / LOG)
    return last if code > 0 else f"killed by {signal.Signals(-code).name} (last line: {last})"


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "without a word")


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60.0)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
