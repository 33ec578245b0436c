"""Runs all experiments of the paper.

Usage: python -m benchmarks.paper [smoke | cpu | gpu] [--folder FOLDER]

What is done already is kept, so a call that was interrupted goes on with the next. Every scale has
a folder of its own in FOLDER (default: outputs/paper), with all runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.paper.jobs import Runner, Stopped
from benchmarks.paper.plan import SCALES, plan
from diffsim.validation import ConfigError


def main() -> int:
    """Run what is missing; 0 done, 1 something failed, 2 wrong, 130 stopped."""
    parser = argparse.ArgumentParser(prog="reproduce-paper", description=__doc__.split("\n")[0])
    parser.add_argument("scale", nargs="?", default="cpu", choices=SCALES)
    parser.add_argument("--folder", type=Path, default=Path("outputs/paper"))
    asked = parser.parse_args()
    console = Console()
    scale = SCALES[asked.scale]
    sequences = plan(scale, asked.folder / asked.scale)
    try:
        runner = Runner(sequences, workers(), console)
        runner.run()
    except ConfigError as error:
        print(f"reproduce-paper: error: {error}", file=sys.stderr)
        return 2
    except Stopped:
        print("stopped; the same command goes on where this one ended", file=sys.stderr)
        return 130
    console.print(f"Everything is in {asked.folder}", soft_wrap=True, highlight=False)
    for name, reason in runner.failed.items():
        print(f"{name} failed: {reason}", file=sys.stderr)
    return 1 if runner.failed else 0


def workers() -> int:
    """How many jobs at once: their programs are small, and gain little from a second core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, cores or 1)


if __name__ == "__main__":
    sys.exit(main())
