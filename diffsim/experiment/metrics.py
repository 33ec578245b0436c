"""``metrics.csv``: one row for each iteration, on the disk as soon as it is known."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from diffsim.validation import ConfigError

COLUMNS = ("iteration", "evaluations", "wall_s", "loss", "grad_norm", "clipped", "non_finite")
"""What every run reports; the task's own figures follow, then those of the validation."""


class MetricsRow(NamedTuple):
    """One iteration.

    Attributes:
        iteration: counted from 1.
        evaluations: episodes simulated so far.
        wall_s: seconds since the start of training, compilation included.
        loss: of the point reported.
        grad_norm: L2 norm of the gradient, None without one.
        clipped: whether that was longer than its limit, None without one.
        non_finite: how many gradients, or points of a population, so far were not finite, and left
            out.
        metrics: the task's figures, and those of a validation; others are left empty.
    """

    iteration: int
    evaluations: int
    wall_s: float
    loss: float
    grad_norm: float | None
    clipped: bool | None
    non_finite: int
    metrics: dict[str, float]


class MetricsWriter:
    """Appends rows to a CSV file; each is a single write of a whole line, then flushed.

    A process that is killed leaves whole lines only. Numbers are written with as many digits as it
    takes to read the same number back.
    """

    def __init__(self, path: Path, metric_names: tuple[str, ...], after: int = 0) -> None:
        """Begin a file, or go on with one ``after`` an iteration: later rows are dropped.

        Raises:
            ConfigError: if the file does not have all rows up to there.
        """
        self._path, self._names = path, metric_names
        header = ",".join((*COLUMNS, *metric_names))
        kept = _first_rows(path, header, after) if after else [header]
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if after else os.O_TRUNC)
        self._descriptor = os.open(path, flags, 0o644)
        if after:
            os.ftruncate(self._descriptor, sum(len(line.encode()) + 1 for line in kept))
        else:
            self._write(header)

    def append(self, row: MetricsRow) -> None:
        """Write one row."""
        fields = [
            str(row.iteration),
            str(row.evaluations),
            f"{row.wall_s:.3f}",
            repr(row.loss),
            "" if row.grad_norm is None else repr(row.grad_norm),
            "" if row.clipped is None else str(int(row.clipped)),
            str(row.non_finite),
            *(repr(row.metrics[name]) if name in row.metrics else "" for name in self._names),
        ]
        self._write(",".join(fields))

    def sync(self) -> None:
        """Wait until all rows are on the disk."""
        os.fsync(self._descriptor)

    def _write(self, line: str) -> None:
        data = f"{line}\n".encode()
        before = os.fstat(self._descriptor).st_size
        written = os.write(self._descriptor, data)
        if written != len(data):  # the disk is full: leave whole lines only
            os.ftruncate(self._descriptor, before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))

    def __enter__(self) -> MetricsWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.sync()
        os.close(self._descriptor)


def _first_rows(path: Path, header: str, count: int) -> list[str]:
    """The header and the first rows of a file."""
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    kept = lines[: count + 1]
    if len(kept) <= count or kept[0] != header or kept[-1].split(",")[0] != str(count):
        raise ConfigError(f"{path} must have a row for each of {count} iterations, to go on")
    return kept
