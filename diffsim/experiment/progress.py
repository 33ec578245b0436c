"""Showing how a run gets on: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from diffsim.experiment.metrics import MetricsRow

_LINES = 20
"""About how many plain lines a whole run prints."""


class ProgressDisplay:
    """Shows the iteration, the loss and the time left; of plain lines, some and the last one."""

    def __init__(self, console: Console, iterations: int) -> None:
        self._console = console
        self._iterations = iterations
        self._every = max(1, iterations // _LINES)
        self._hidden: MetricsRow | None = None
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("training"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("loss {task.fields[loss]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=console,
            )
            self._task = self._bar.add_task("training", total=iterations, loss="(compiling)")

    def update(self, row: MetricsRow) -> None:
        """Show the iteration just done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=row.iteration, loss=f"{row.loss:.4g}")
        elif row.iteration == 1 or row.iteration % self._every == 0:
            self._print(row)
        else:
            self._hidden = row

    def _print(self, row: MetricsRow) -> None:
        self._hidden = None
        left = row.wall_s / row.iteration * (self._iterations - row.iteration)
        figures = "  ".join(f"{name} {value:.4g}" for name, value in row.metrics.items())
        self._console.print(
            f"iteration {row.iteration}/{self._iterations}  loss {row.loss:.6g}  {figures}  "
            f"{row.wall_s:.1f} s, at most {left:.0f} s left",
            soft_wrap=True,
            highlight=False,
        )

    def __enter__(self) -> ProgressDisplay:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._hidden is not None:
            self._print(self._hidden)
