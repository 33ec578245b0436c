"""Runs all experiments of the paper and writes its table beside ours.

Usage: python -m benchmarks.paper [smoke | cpu | gpu] [--folder FOLDER] [--report] [--publish]

What is done already is kept, so a call that was interrupted goes on with the next. The report is
FOLDER/REPORT.md and FOLDER/REPORT.html (default: under outputs/paper); every scale has a folder of
its own in it, with all runs. ``--report`` runs nothing and writes the report of what there is;
``--publish`` makes it docs/results.md, with its pictures, and its summary the README's.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.paper.plan import SCALES, plan
from benchmarks.paper.report import publish, write_report
from diffsim.cli.jobs import Pool, Stopped
from diffsim.validation import ConfigError


def main() -> int:
    """Run what is missing, write the report; 0 done, 1 something failed, 2 wrong, 130 stopped."""
    parser = argparse.ArgumentParser(prog="reproduce-paper", description=__doc__.split("\n")[0])
    parser.add_argument("scale", nargs="?", default="cpu", choices=SCALES)
    parser.add_argument("--folder", type=Path, default=Path("outputs/paper"))
    parser.add_argument("--report", action="store_true", help="run nothing, report what there is")
    parser.add_argument("--publish", action="store_true", help="write it into docs/ and README.md")
    asked = parser.parse_args()
    console = Console()
    scale = SCALES[asked.scale]
    chains = plan(scale, asked.folder / asked.scale)
    failed: dict[str, str] = {}
    code = 0
    if not asked.report:
        try:
            pool = Pool(chains, console, scale.at_once)
            pool.run()
        except ConfigError as error:
            print(f"reproduce-paper: error: {error}", file=sys.stderr)
            return 2
        except Stopped as error:
            print("stopped; the same command goes on where this one ended", file=sys.stderr)
            code = 128 + error.signal
        failed = pool.failed
    path = write_report(asked.scale, asked.folder, failed)
    if asked.publish:
        publish(asked.scale, asked.folder, Path(__file__).parents[2])
    console.print(f"The report is {path}", soft_wrap=True, highlight=False)
    for name, reason in failed.items():
        print(f"{name} failed: {reason}", file=sys.stderr)
    return code or (1 if failed else 0)


if __name__ == "__main__":
    sys.exit(main())
