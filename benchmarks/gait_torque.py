"""How fast the quadruped learns to go, by the largest torque of its motors.

Usage: python -m benchmarks.gait_torque [folder [limit ...]]

The gait of the paper is trained from several seeds at every torque limit. The best controller of
each limit is then simulated again with a quarter of the time step, to see whether its speed is the
robot's or the solver's. Each run has a folder of its own (default: under
outputs/benchmarks/gait_torque); calling this again makes only those that are missing. From them
come gait_torque.csv, a row for each run, and gait_torque.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from rich.console import Console

from benchmarks.trainings import evaluations_to, spread, spread_of_reached, stamp, trained
from diffsim.evaluation.config import EvalConfig
from diffsim.evaluation.runner import run_eval
from diffsim.reporting.run_files import read_json

LIMITS = (60.0, 40.0, 30.0, 20.0, 10.0, 4.0)
SEEDS = range(3)
FINER = 4
PAPER_SPEED = 1.17


def again(folder: Path) -> dict[str, float]:
    """Of a run's best controller: how sound it is, and its speed with a finer time step."""
    found = []
    dt = read_json(folder, "manifest.json")["config"]["simulation"]["dt"]
    for step in (dt, dt / FINER):
        run_eval(EvalConfig(run=str(folder), dt=step), Console(quiet=True))
        newest = max((folder / "evaluations").iterdir(), key=lambda path: path.stat().st_mtime)
        evaluation = read_json(newest, "evaluation.json")
        found.append(evaluation)
    own, finer = found
    return own["soundness"] | {"finer_speed": finer["mean"]["speed"]}


def report(runs: pd.DataFrame, checked: dict[float, dict[str, float]], place: str) -> str:
    """The table for people."""
    lines = [
        f"| torque limit [N·m] | seeds | best speed [m/s] | evaluations to {PAPER_SPEED} m/s "
        f"| of the best: speed at dt/{FINER} [m/s] | joints apart [mm] | contact depth, largest "
        "and median [mm] |",
        "|---|---|---|---|---|---|---|",
    ]
    for limit, best in checked.items():
        mine = runs[runs["limit"] == limit]
        depth = f"{1e3 * best['penetration']:.1f}, {1e3 * best['median_penetration']:.1f}"
        tail = [f"{best['finer_speed']:.2f}", f"{1e3 * best['joint_drift']:.2g}", depth]
        row = [
            f"{limit:g}",
            str(len(mine)),
            spread(mine["best"], 2),
            spread_of_reached(mine["reached"]),
        ]
        lines.append(f"| {' | '.join(row + tail)} |")
    return "\n".join([*lines, "", "Median (smallest to largest) over seeds.", place])


def main() -> None:
    """Make what is missing; write the table after every limit."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "outputs/benchmarks/gait_torque")
    limits = [float(limit) for limit in sys.argv[2:]] or LIMITS
    rows, checked, text = [], {}, ""
    for limit in limits:
        places = {seed: folder / f"{limit:g}_{seed}" for seed in SEEDS}
        for seed, place in places.items():
            metrics = trained(
                place, "experiment=quadruped_gait", f"robot.max_force={limit}", f"seed={seed}"
            )
            rows.append(
                {
                    "limit": limit,
                    "seed": seed,
                    "best": metrics["speed"].max(),
                    "reached": evaluations_to(metrics, "speed", PAPER_SPEED, larger=True),
                    "seconds": metrics["wall_s"].iloc[-1],
                }
            )
            print(rows[-1], flush=True)
        table = pd.DataFrame(rows)
        table.to_csv(folder / "gait_torque.csv", index=False)
        mine = table[table["limit"] == limit]
        checked[limit] = again(places[SEEDS[int(mine["best"].to_numpy().argmax())]])
        text = report(table, checked, stamp(places[SEEDS[0]]))
        (folder / "gait_torque.md").write_text(f"{text}\n")
    print(f"\n{text}\n\nEverything is in {folder}")


if __name__ == "__main__":
    main()
