"""Seconds of MuJoCo, MJX and this engine for the same robot, as ratios, from one run.

Usage: python -m benchmarks.peers [folder]

It needs benchmarks/peers/requirements.txt (``make bench-peers`` installs it). For each cell all
engines are prepared first, then take turns. Written to the folder (default: outputs/benchmarks):
peers.csv with every run, peers.md with the tables: medians and their ratios to ours; how far each
gradient is from the engine's own central differences over ten steps of a standing robot; how far
each step's solution is from the converged one; and how long a chain of 30 links, no two alike,
takes until it is ready (chain.csv).
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd

from benchmarks.peers import chain
from benchmarks.peers.robot import save_robot
from benchmarks.peers.task import PeerCell
from benchmarks.turns import Failed, Worker
from diffsim.bench.results import origin
from diffsim.cli.configuration import compose_bench_config
from diffsim.experiment.manifest import build_manifest

ROUNDS = 3
STEPS = {(1, False): 1000, (1, True): 1000, (128, False): 200, (128, True): 50}
"""The cells: robots, whether with the gradient, and how many steps take a bearable time."""
CHECKED_STEPS, SETTLE = 10, 100
STANDING = 0.2
"""Mean height of the spine above which the robots count as standing [m]; their legs are 0.4 m."""

MJX_POOL = {False: "8", True: "1"}
"""Threads in XLA's pool for many robots of MJX, forward and with the gradient, the latter on one
device alone. With two to four, jaxlib 0.10.2 sometimes waits forever for its batched factorizations
on two cores. The gradient on two devices with a pool of 8 takes 8 times as long as on one with 1.
"""


class Contestant(NamedTuple):
    """An engine with settings."""

    name: str
    engine: str
    iterations: int = 0
    line_search: int = 0


OURS = Contestant("diffsim", "ours")
MUJOCO = Contestant("MuJoCo C, Newton", "mujoco")
MJX_1 = Contestant("MJX, 1 iteration", "mjx", 1, 4)
MJX_3 = Contestant("MJX, 3 iterations", "mjx", 3, 4)
"""With fewer this robot ends in numbers that are not finite. So many steps of the line search do as
well as MuJoCo's 50, all of which MJX takes."""
EVERYONE = (OURS, MUJOCO, MJX_1, MJX_3)


def start(contestant: Contestant, task: PeerCell) -> Worker:
    """A process with one engine, which has prepared the task."""
    # The engine's own compiler flags, not those that this process has set for ours.
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
    if contestant.engine == "mjx" and task.robots > 1:
        environment["NPROC"] = MJX_POOL[task.gradient]
    command = [sys.executable, "-m", "benchmarks.peers.worker", task.to_json()]
    return Worker(contestant.name, command, environment)


def contest(model: str, robots: int, gradient: bool, threads: int) -> list[dict[str, Any]]:
    """Every run of one cell: the engines take turns."""
    who = [c for c in EVERYONE if not (c is MUJOCO and gradient and robots > 1)]
    workers: list[Worker] = []
    lines: list[dict[str, Any]] = []
    cell = {"robots": robots, "gradient": gradient}
    try:
        for contestant in who:
            alone = robots == 1 or (gradient and contestant.engine == "mjx")
            task = PeerCell(
                contestant.engine,
                model,
                robots,
                gradient,
                STEPS[robots, gradient],
                iterations=contestant.iterations,
                line_search=contestant.line_search,
                threads=1 if alone else threads,
            )
            try:
                workers.append(start(contestant, task))
                workers[-1].ask("run")  # not counted
                print(f"  {contestant.name}: ready after {workers[-1].prepared:.0f} s", flush=True)
            except Failed as error:
                print(f"  {contestant.name}: {error}", flush=True)
                lines.append({"engine": contestant.name, **cell, "note": str(error)})
        for turn in range(ROUNDS):
            for worker in workers:
                found = worker.ask("run")
                lines.append(
                    {"engine": worker.name, **cell, "turn": turn, "prepared": worker.prepared}
                    | found
                )
        return lines
    finally:
        for worker in workers:
            worker.close()


def ask_once(contestant: Contestant, task: PeerCell, what: str) -> dict[str, Any]:
    """One answer of an engine that is prepared for it alone."""
    worker = start(contestant, task)
    try:
        return worker.ask(what)
    finally:
        worker.close()


def inspect(contestant: Contestant, model: str) -> dict[str, Any]:
    """Exactness of an engine's gradient and solution, in float64."""
    line: dict[str, Any] = {"engine": contestant.name}
    task = PeerCell(
        contestant.engine,
        model,
        robots=1,
        gradient=True,
        steps=CHECKED_STEPS,
        iterations=contestant.iterations,
        line_search=contestant.line_search,
        precision="float64",
        settle=SETTLE,
    )
    walk = dataclasses.replace(task, gradient=False, steps=2 * SETTLE)
    try:
        line["gradient_error"] = ask_once(contestant, task, "check")["relative_error"]
        errors = ask_once(contestant, walk, "unconverged")["errors"]
        line["unconverged_median"] = float(np.median(errors))
        line["unconverged_90"] = float(np.percentile(errors, 90))
    except Failed as error:
        line["note"] = str(error)
    return line


def report(
    runs: pd.DataFrame,
    exactness: list[dict[str, Any]],
    chains: list[dict[str, Any]],
    where: str,
) -> str:
    """The three tables, for people."""
    rows = [
        "| robots | | engine | median [ms a step] | × ours | ready after [s] |"
        " height at the end [m] | largest gradient |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for robots, gradient in STEPS:
        cell = runs[(runs["robots"] == robots) & (runs["gradient"] == gradient)]
        ours = cell[cell["engine"] == OURS.name]["seconds"].median()
        for engine, mine in cell.groupby("engine", sort=False):
            what = "gradient" if gradient else "forward"
            if mine["seconds"].isna().all():
                rows.append(f"| {robots} | {what} | {engine} | {mine['note'].iloc[0]} | | | | |")
                continue
            seconds = statistics.median(mine["seconds"])
            per_step = 1e3 * seconds / STEPS[robots, gradient]
            height = mine["height"].iloc[-1]
            largest = mine["largest"].iloc[-1] if gradient else None
            shown = "" if largest is None else f"{largest:.2g}"
            rows.append(
                f"| {robots} | {what} | {engine} | {per_step:.3g} | {seconds / ours:#.2g} | "
                f"{mine['prepared'].iloc[-1]:.0f} | {_state(height)} | {shown} |"
            )
    rows += [
        "",
        f"| engine | gradient against its own differences, {CHECKED_STEPS} steps |"
        " velocity of the spine against a converged step, median [m/s] | 90th percentile [m/s] |",
        "|---|---|---|---|",
    ]
    for line in exactness:
        if "note" in line:
            rows.append(f"| {line['engine']} | {line['note']} | | |")
        else:
            rows.append(
                f"| {line['engine']} | {line['gradient_error']:.1e} | "
                f"{line['unconverged_median']:.1e} | {line['unconverged_90']:.1e} |"
            )
    rows += ["", *chain.report(chains)]
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("mujoco", "mujoco-mjx")
    )
    rows += ["", f"Medians of {ROUNDS} turns. {versions}. {where}"]
    return "\n".join(rows) + "\n"


def _state(height: float) -> str:
    """State of robots whose spines end at this height [m]."""
    if not np.isfinite(height):
        return "not finite"
    return f"{height:.2f}" if height > STANDING else f"{height:.2f}, fallen"


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "outputs/benchmarks")
    folder.mkdir(parents=True, exist_ok=True)
    config = compose_bench_config()
    threads = os.cpu_count() or 1
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(temporary) / "robot.mjb"
        save_robot(config.robot, config.simulation.gravity, config.simulation.dt, model)
        for robots, gradient in STEPS:
            print(f"{robots} robots, {'gradient' if gradient else 'forward'}", flush=True)
            runs += contest(str(model), robots, gradient, threads)
            pd.DataFrame(runs).to_csv(folder / "peers.csv", index=False)
        print("gradients and convergence", flush=True)
        exactness = [inspect(contestant, str(model)) for contestant in EVERYONE]
        print(f"a chain of {chain.LINKS} links", flush=True)
        chains = chain.race(Path(temporary) / "chain.mjb")
        pd.DataFrame(chains).to_csv(folder / "chain.csv", index=False)
    where = origin(build_manifest(config, jax.devices("cpu")[0]))
    text = report(pd.DataFrame(runs), exactness, chains, where)
    (folder / "peers.md").write_text(text)
    print(text)
    print(f"Everything is in {folder}")


if __name__ == "__main__":
    main()
