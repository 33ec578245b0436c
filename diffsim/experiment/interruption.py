"""Ends a process on Ctrl-C or SIGTERM within two seconds, also while XLA compiles or computes.

Python runs its signal handlers in the main thread, between two of its own instructions: not before
XLA has compiled for minutes, or an iteration has run to its end. But the interpreter writes a
signal's number into a pipe at once (``signal.set_wakeup_fd``), which a thread reads, and XLA lets
other threads of Python run meanwhile. That thread ends the process: at once where nothing is lost
by it, and in a training if the iteration has not come to its end within ``PATIENCE_S``.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE_S = 1.2
"""Longest time that a training has to end by itself; checkpoint and exit have to fit in 2 s."""
LEAVING_S = 0.5
"""Time in addition for a training on its way out: the interpreter's end takes a while."""
POLL_S = 0.01
"""Interval at which the thread looks for a second signal, or for a lock that is free."""
SHOW_CURSOR = b"\x1b[?25h"
"""To a terminal: a live display hides the cursor."""


class Interrupted(KeyboardInterrupt):
    """A run that was told to stop, and did; the message says by what, and how far it has come.

    Attributes:
        number: of the signal.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


class Interruption:
    """Within a ``with`` block Ctrl-C and SIGTERM are noted, and the process may be ended by them.

    With a command's name the process is the command's: a thread ends it as the module says, with
    one line and exit code 128 + number. Without one it is that of a program which uses the package:
    a signal is noted, to be looked at after the iteration, and a second one raises ``Interrupted``.

    Outside the main thread, where Python allows no handlers, nothing is changed.

    Attributes:
        signal: the first that has come, None before.
        lock: held while files are written that the thread, too, would write at the end.
        raises: whether a signal raises ``Interrupted`` in the main thread instead, as it must where
            a launcher has processes of its own to end; a second one ends the process.
    """

    def __init__(self, command: str | None = None) -> None:
        self.signal: signal.Signals | None = None
        self.lock = threading.RLock()
        self._message = ""
        self.raises = False
        self._command = command
        self._patient = False
        self._leaving = False
        self._told = False
        self._endings: tuple[Callable[[str], str], ...] = ()
        self._previous: dict[int, Any] = {}
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Interruption:
        global _current
        if threading.current_thread() is not threading.main_thread():
            return self
        if self._command is not None:
            self._reader, self._writer = os.pipe()
            os.set_blocking(self._writer, False)
            self._outer_descriptor = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
            self._thread = threading.Thread(target=self._watch, name="signals", daemon=True)
            self._thread.start()
            _current = self
        self._previous = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        global _current
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self._thread is not None:
            _current = None
            signal.set_wakeup_fd(self._outer_descriptor)
            os.close(self._writer)  # the thread reads the pipe's end
            self._thread.join()
            os.close(self._reader)

    @contextmanager
    def patience(self) -> Iterator[None]:
        """Within the block the main thread looks at ``signal`` itself, if it can in time."""
        self._patient = True
        try:
            yield
        finally:
            self._patient = False

    @contextmanager
    def ending(self, end: Callable[[str], str]) -> Iterator[Interruption]:
        """Say what there is to be done if the process is ended within the block.

        Args:
            end: called by the thread with what has happened so far, "by SIGTERM"; returns it with
                its own addition. Inner ones are called before outer ones.
        """
        with self.lock:
            before = self._endings
            self._endings = (*before, end)
        try:
            yield self
        finally:
            with self.lock:
                self._endings = before

    def leave(self, number: int, message: str) -> Interrupted:
        """The exception by which the main thread ends; it is given the time for that.

        Args:
            number: of the signal.
            message: says what has happened, with what the innermost ending would add.
        """
        with self.lock:
            self._leaving, self._message = True, message
            self._endings = self._endings[:-1]
        return Interrupted(message, number)

    def tell(self, line: str) -> None:
        """Write a line to the standard error, if none has been written yet."""
        with self.lock:
            if not self._told:
                self._told = True
                # Not by print, whose locks the main thread may hold.
                os.write(2, f"{line}\n".encode())

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Python's own handler, in the main thread."""
        found = signal.Signals(number)
        if self.raises or (self._thread is None and self.signal is not None):
            at_once = "" if self.raises else ", at once"
            raise Interrupted(f"by {found.name}{at_once}", number)
        if self._thread is None:
            says = f"\n{found.name}: stopping after this iteration; a second one stops at once.\n"
            os.write(2, says.encode())  # print may be what was interrupted
        self.signal = self.signal or found

    def _watch(self) -> None:
        """Body of the thread: wait for a signal, be patient if there is reason to, and end."""
        first = self._next(None)
        if first is None:
            return
        self.signal = first
        came, second, locked = time.monotonic(), False, False
        try:
            while not second and (self.raises or self._waits(time.monotonic() - came)):
                second = self._next(POLL_S) is not None
            # While the main thread writes a checkpoint, only a further signal ends the process.
            while not (locked := self.lock.acquire(timeout=POLL_S)) and not second:
                second = self._next(0.0) is not None
        except _ClosedError:
            return
        self._end(first, locked)

    def _waits(self, seconds: float) -> bool:
        """True while the main thread may still have its own end, so long after the signal."""
        if self._leaving:
            return seconds < PATIENCE_S + LEAVING_S
        return self._patient and seconds < PATIENCE_S

    def _next(self, seconds: float | None) -> signal.Signals | None:
        """The next signal; None if none comes in time, or, without a limit, ever.

        Raises:
            _ClosedError: if there is a limit, and the ``with`` block is over.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._reader], [], [], left)[0]:
                return None
            number = os.read(self._reader, 1)
            if not number:
                if deadline is None:
                    return None
                raise _ClosedError
            if number[0] in SIGNALS:
                return signal.Signals(number[0])

    def _end(self, found: signal.Signals, locked: bool) -> None:
        """Do what there is to be done, say so in one line, and end the process.

        Args:
            found: the signal.
            locked: whether the thread has the lock; files are left alone without it.
        """
        try:
            message = self._message or f"by {found.name}"
            for end in reversed(self._endings if locked else ()):
                try:
                    message = end(message)
                except Exception as error:
                    reason = " ".join(str(error).split())
                    message = f"{message} ({type(error).__name__}: {reason})"
            if "multiprocessing" in sys.modules:
                for child in sys.modules["multiprocessing"].active_children():
                    child.kill()
            # What the main thread has printed, unless that hangs in a pipe that nobody reads.
            flush = threading.Thread(target=_flush, daemon=True)
            flush.start()
            flush.join(10 * POLL_S)
            if os.isatty(1):
                os.write(1, SHOW_CURSOR + b"\n")
            if not self._told:
                os.write(2, f"{self._command}: error: interrupted {message}\n".encode())
        finally:
            os._exit(128 + found)


class _ClosedError(Exception):
    """The pipe was closed: the ``with`` block is over."""


_current: Interruption | None = None
"""That of the command which this process is."""


def current() -> Interruption:
    """The interruption of this process's command, or an idle one that no signal comes to."""
    if _current is not None and threading.current_thread() is threading.main_thread():
        return _current
    return Interruption()


@contextmanager
def noting_signals() -> Iterator[Interruption]:
    """Note signals within the block, for a training that looks at them after every iteration."""
    if (command := current()) is _current:
        yield command
    else:
        with Interruption() as new:
            yield new


def _flush() -> None:
    with suppress(OSError, ValueError):
        sys.stdout.flush()
