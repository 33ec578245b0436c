"""Processes that take turns: told by a line what to do, each answers with a line of JSON."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import Any

PATIENCE = 600.0
"""For one answer [s]."""


class Failed(RuntimeError):
    """A process could not do what it was asked for."""


class Worker:
    """A process that has prepared something; its first answer says how long that took."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it, and wait until it is ready.

        Raises:
            Failed: if it does not become so.
        """
        self.name = name
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        try:
            self.ready = self._answer()
        except Failed:
            self.close()
            raise

    @property
    def prepared(self) -> float:
        """Seconds until it was ready."""
        return float(self.ready["seconds"])

    def ask(self, what: str) -> dict[str, Any]:
        """Its answer.

        Raises:
            Failed: if there is none, or it is an error.
        """
        assert self.process.stdin is not None
        print(what, file=self.process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        watch = threading.Timer(PATIENCE, self.process.kill)
        watch.start()
        try:
            line = self.process.stdout.readline()
        finally:
            watch.cancel()
        if not line:
            raise Failed(f"the process ended with code {self.process.wait()}")
        found: dict[str, Any] = json.loads(line)
        if "error" in found:
            raise Failed(found["error"])
        return found
