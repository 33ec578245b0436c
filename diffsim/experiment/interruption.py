"""Ctrl-C and SIGTERM end a run after the iteration that it is in, with a checkpoint."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A run that was told to stop, and did; the message says by what, and how far it has come.

    Attributes:
        number: of the signal.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


class Interruption:
    """Within a ``with`` block a signal is noted; a second one stops at once.

    Outside the main thread, where Python allows no handlers, nothing is changed.

    Attributes:
        signal: that has come, if any.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        found = signal.Signals(number)
        if self.signal is not None:
            raise Interrupted(f"by {found.name}, at once", number)
        self.signal = found
        says = f"\n{found.name}: stopping after this iteration; a second one stops at once.\n"
        os.write(2, says.encode())  # print may be what was interrupted
