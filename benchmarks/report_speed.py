"""Time of ``diffsim-report`` for many runs.

Usage: python -m benchmarks.report_speed [runs] [rows]

Writes folders as trainings of the quadruped's gait leave them, 200 of 1,000 iterations unless told
otherwise, in 20 groups of ten seeds, into a temporary folder; then runs the command on them three
times, each in a new process, and prints the seconds of each.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.saved_runs import changed, config_of, write_run

SEEDS = 10
REPEATS = 3


def main() -> None:
    """Write the runs, report, print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    base = config_of("experiment=quadruped_gait")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(runs):
            group, seed = divmod(number, SEEDS)
            rate = 0.01 * (group + 1)
            speeds = [1.0 - math.exp(-0.1 * rate * row) + 1e-3 * seed for row in range(rows)]
            others = {"height": [0.5] * rows, "sideways": [0.0] * rows}
            config = changed(base, seed=seed, optimizer__learning_rate=rate)
            losses = [-speed for speed in speeds]
            write_run(folder / f"job_{number}", config, losses, figures={"speed": speeds} | others)
        for _ in range(REPEATS):
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "diffsim.cli.report", name],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                sys.exit(done.stderr)
            seconds = time.perf_counter() - start
            print(f"{runs} runs of {rows} rows: {seconds:.2f} s", flush=True)


if __name__ == "__main__":
    main()
