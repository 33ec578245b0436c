"""Status of a run, and the checkpoint of its newest complete iteration.

Both are written by the run itself or, if a signal ends its process in the middle of an iteration,
by the thread that waits for signals; never by both at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from diffsim.experiment.config import RunConfig
from diffsim.experiment.interruption import Interruption
from diffsim.runs.checkpoint import Checkpoint, save_checkpoint
from diffsim.runs.folder import RunFolder


class Log(Protocol):
    """A place where rows of metrics go."""

    def sync(self) -> None:
        """Wait until all rows are on the disk."""


class Account:
    """The status of a run, which has one end only."""

    def __init__(self, folder: Path, interruption: Interruption) -> None:
        self._run, self._lock = RunFolder(folder), interruption.lock
        self._closed = False

    def close(self, status: str, reason: str) -> None:
        """Write how the run has ended, unless that has been written."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._run.write_status(status, reason)

    def end(self, message: str) -> str:
        """Write that the run was interrupted, if it has begun; the message as it is."""
        if self._run.has_begun:
            self.close("interrupted", message)
        return message


class Course:
    """The iterations of a training, and the checkpoint that could be written now.

    Args:
        folder: of the run.
        config: how many checkpoints are kept.
        since: where the training goes on, None at the start.
        interruption: whose lock keeps two checkpoints from being written at once.

    Attributes:
        interruption: that of the training.
    """

    def __init__(
        self,
        folder: Path,
        config: RunConfig,
        since: Checkpoint | None,
        interruption: Interruption,
    ) -> None:
        self.interruption = interruption
        self._folder = RunFolder(folder).checkpoint_path
        self._keep = config.checkpoints.keep
        self._done, self._under_way = 0 if since is None else since.iteration, False
        self._make: Callable[[], Checkpoint] | None = None
        self._logs: Sequence[Log] = ()

    @contextmanager
    def iterating(self, logs: Sequence[Log]) -> Iterator[None]:
        """Let the main thread look at signals; no checkpoint is ever ahead of these logs."""
        self._logs, self._under_way = logs, True
        try:
            with self.interruption.patience():
                yield
        finally:
            with self.interruption.lock:
                self._make, self._logs, self._under_way = None, (), False

    def complete(self, iteration: int, make: Callable[[], Checkpoint] | None) -> None:
        """Note that an iteration is complete.

        Args:
            iteration: its number.
            make: gives its checkpoint; called by another thread, too: without JAX. None if there
                is nothing to be kept.
        """
        with self.interruption.lock:
            self._done, self._make = iteration, make

    def save(self) -> None:
        """Write the checkpoint of the newest complete iteration, unless that has been done."""
        with self.interruption.lock:
            if self._make is None:
                return
            for log in self._logs:
                log.sync()
            save_checkpoint(self._folder, self._make(), self._keep)
            self._make = None

    def end(self, message: str) -> str:
        """Save what is complete; the message, with how far that is."""
        self.save()
        parts = [message]
        if self._done:
            parts.append(f"after iteration {self._done}")
        if self._under_way:
            parts.append(f"while iteration {self._done + 1} was under way")
        return ", ".join(parts)
