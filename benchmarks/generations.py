"""This engine and an older commit of it on the same robots, as ratios, from one run.

Usage: python -m benchmarks.generations [commit [robot.yaml ...]]

The commit (default: 16918fc) is checked out into a folder of its own. For each robot (default:
quadruped_table1, as each generation has it) and cell both are compiled first, then take turns, each
in a process of its own on one core. Written to outputs/benchmarks: generations.csv with every run,
generations.md with the table.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import jax
import pandas as pd

from benchmarks.turns import Failed, Worker
from diffsim.bench.results import origin
from diffsim.cli.configuration import compose_bench_config
from diffsim.experiment.manifest import build_manifest

ROOT = Path(__file__).parents[1]
OLDER = "16918fc"
ROBOT = Path("conf/robot/quadruped_table1.yaml")
TIMESTEP = 0.005
TURNS = 5
STEPS = {(1, False): 1000, (1, True): 1000, (128, False): 200, (128, True): 50}
"""The cells: robots, whether with the gradient, and how many steps take a bearable time."""


def check_out(commit: str, folder: Path) -> None:
    """The files of a commit of this project."""
    archive = folder.with_suffix(".tar")
    with archive.open("wb") as file:
        subprocess.run(["git", "archive", commit], cwd=ROOT, stdout=file, check=True)
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    archive.unlink()


def compare(
    generations: dict[str, Path], robot: Path, robots: int, gradient: bool
) -> list[dict[str, Any]]:
    """Every run of one cell."""
    cell = {"robot": robot.stem, "robots": robots, "gradient": gradient}
    lines: list[dict[str, Any]] = []
    workers: list[Worker] = []
    try:
        for name, folder in generations.items():
            asked = {
                "robot": str(folder / robot),  # an absolute path stays as it is
                "robots": robots,
                "gradient": gradient,
                "steps": STEPS[robots, gradient],
                "timestep": TIMESTEP,
            }
            environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
            environment["PYTHONPATH"] = str(folder)
            script = str(ROOT / "benchmarks" / "generation.py")
            try:
                worker = Worker(name, [sys.executable, script, json.dumps(asked)], environment)
            except Failed as error:
                lines.append({"generation": name, **cell, "note": str(error)})
                continue
            workers.append(worker)
            print(f"  {name}: ready after {worker.prepared:.0f} s", flush=True)
        for turn in range(TURNS):
            for worker in workers:
                told = {key: value for key, value in worker.ready.items() if key != "seconds"}
                lines.append({"generation": worker.name, **cell, "turn": turn} | told)
                lines[-1]["seconds"] = worker.ask("run")["seconds"]
        return lines
    finally:
        for worker in workers:
            worker.close()


def report(runs: pd.DataFrame, where: str) -> str:
    """The table, for people."""
    rows = [
        "| robot | robots | | generation | equations of a step | trace + compile [s] |"
        " median [ms a step] | × this one |",
        "|---|---|---|---|---|---|---|---|",
    ]
    cells = runs[["robot", "robots", "gradient"]].drop_duplicates()
    for robot, robots, gradient in cells.itertuples(index=False):
        chosen = (runs["robot"] == robot) & (runs["robots"] == robots)
        cell = runs[chosen & (runs["gradient"] == gradient)]
        what = "gradient" if gradient else "forward"
        medians = {
            str(name): statistics.median(mine["seconds"])
            for name, mine in cell.groupby("generation", sort=False)
            if mine["seconds"].notna().all()
        }
        for name, mine in cell.groupby("generation", sort=False):
            if name not in medians:
                rows.append(f"| {robot} | {robots} | {what} | {name} | {mine['note'].iloc[0]} ||||")
                continue
            first = mine.iloc[0]
            ratio = medians[str(name)] / medians[NEW] if NEW in medians else float("nan")
            rows.append(
                f"| {robot} | {robots} | {what} | {name} | {first['equations']:,.0f} | "
                f"{first['trace_s']:.1f} + {first['compile_s']:.1f} | "
                f"{1e3 * medians[str(name)] / STEPS[robots, gradient]:.3g} | {ratio:#.3g} |"
            )
    return "\n".join([*rows, "", f"Medians of {TURNS} turns, one core. {where}"]) + "\n"


NEW = "this"


def main() -> None:
    commit = sys.argv[1] if len(sys.argv) > 1 else OLDER
    robots = [Path(name).absolute() for name in sys.argv[2:]] or [ROBOT]
    folder = Path("outputs/benchmarks")
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, Any]] = []
    where = origin(build_manifest(compose_bench_config(), jax.devices("cpu")[0]))
    with tempfile.TemporaryDirectory() as temporary:
        older = Path(temporary) / commit
        check_out(commit, older)
        for robot in robots:
            for count, gradient in STEPS:
                what = "gradient" if gradient else "forward"
                print(f"{robot.stem}, {count} robots, {what}", flush=True)
                lines += compare({NEW: ROOT, commit: older}, robot, count, gradient)
                runs = pd.DataFrame(lines)
                runs.to_csv(folder / "generations.csv", index=False)
                (folder / "generations.md").write_text(report(runs, where))
    print((folder / "generations.md").read_text())


if __name__ == "__main__":
    main()
