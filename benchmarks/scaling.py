"""Growth of time and memory with robots, time steps, bodies and the controller's weights.

Usage: python -m benchmarks.scaling [folder]

Each axis varies one thing and leaves the others: robots 1 to 4096, steps 100 to 10,000, bodies 2 to
64 (a trunk on legs of three links), weights 10³ to 10⁷. Every cell is a cell of diffsim-bench, in a
process of its own. What is measured is kept in scaling.csv in the folder (default:
outputs/benchmarks): calling this again measures only what is missing. From it come scaling.md and
scaling.png, with the exponent p of time ~ xᵖ over the upper half of each axis.
"""

from __future__ import annotations

import math
import statistics
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from diffsim.bench.config import BenchConfig, Cell
from diffsim.bench.measure import measured_or_reason
from diffsim.bench.results import TIMED
from diffsim.cli.configuration import compose_bench_config
from diffsim.robots.config import BodyConfig, JointConfig, MotorConfig, RobotConfig, SensorConfig
from diffsim.robots.replace import replace

STEPS = 100
ROBOTS = 16
CHOICES = {
    "robots": (1, 4, 16, 64, 256, 1024, 4096),
    "steps": (100, 300, 1000, 3000, 10_000),
    "bodies": (2, 4, 7, 16, 31, 64),  # a trunk and legs; of two bodies half a leg
    "weights": (0, 24, 80, 280, 950, 3100),  # width of two hidden layers, none at first
}
LEG = (
    BodyConfig(shape="box", size=[0.05, 0.05, 0.2]),
    BodyConfig(shape="box", size=[0.05, 0.05, 0.15]),
    BodyConfig(shape="sphere", radius=0.05),
)
"""Thigh, shank and foot, which hang from each other by hinges."""

PITCH = 0.3
"""From one leg to the next on the same side [m]."""


class ScalingCell(NamedTuple):
    """One cell on one axis."""

    axis: str
    x: int
    gradient: bool
    checkpoint: str = "steps"


def line_name(gradient: bool, checkpoint: str) -> str:
    """Name of cells that differ in x alone."""
    return f"{'gradient' if gradient else 'forward'}, {checkpoint}"


def tasks() -> list[ScalingCell]:
    """Every cell; nested checkpoints are compared over steps."""
    found = []
    for axis, values in CHOICES.items():
        for x in values:
            found += [ScalingCell(axis, x, False), ScalingCell(axis, x, True)]
            if axis == "steps":
                found.append(ScalingCell(axis, x, True, "nested"))
    return found


def walker(bodies: int) -> RobotConfig:
    """A trunk on legs to its left and right, each of three links with a motor on every hinge."""
    robot = RobotConfig(name="walker")
    length = PITCH * math.ceil((bodies - 1) / (2 * len(LEG)))
    robot.bodies["trunk"] = BodyConfig(
        shape="box", size=[length, 0.3, 0.1], position=[0.0, 0.0, 0.5]
    )
    for k in range(bodies - 1):
        leg, link = divmod(k, len(LEG))
        name, above = f"link_{k}", f"link_{k - 1}" if link else "trunk"
        robot.bodies[name] = LEG[link]
        place = [PITCH * (leg // 2 + 0.5) - 0.5 * length, 0.2 * (-1) ** leg, 0.0]
        robot.joints[f"hinge_{k}"] = JointConfig(
            type="hinge",
            axis=[0.0, 1.0, 0.0],
            parent=above,
            child=name,
            parent_offset=[0.0, 0.0, 0.0] if link else place,
            parent_face=[0.0, 0.0, -1.0],
            child_face=[0.0, 0.0, 1.0 if link < 2 else 0.0],
        )
        robot.motors[f"motor_{k}"] = MotorConfig(joint=f"hinge_{k}", max_force=10.0, gain=30.0)
        robot.sensors[f"angle_{k}"] = SensorConfig(type="joint_position", joint=f"hinge_{k}")
    return robot


def configure(task: ScalingCell) -> tuple[BenchConfig, Cell]:
    """Configure the measurement of a cell."""
    hidden = task.x if task.axis == "weights" else 0
    values: dict[str, Any] = {
        "bench.steps": task.x if task.axis == "steps" else STEPS,
        "bench.hidden": [hidden, hidden],
        "simulation.checkpoint": task.checkpoint,
    }
    if task.axis == "bodies":
        values["robot"] = walker(task.x)
    config = replace(compose_bench_config("device=cpu", "bench.repeats=3"), values)
    robots = task.x if task.axis == "robots" else ROBOTS
    return config, Cell("default", robots, "dense" if hidden else "linear", task.gradient)


def weights_of(width: int) -> int:
    """Number of weights of the controller of ``quadruped_table1``."""
    return 81 * width + width**2 + 16 * width if width else 81 * 16


def measure(task: ScalingCell) -> dict[str, Any]:
    """One line of scaling.csv."""
    config, cell = configure(task)
    line: dict[str, Any] = {
        **task._asdict(),
        "value": weights_of(task.x) if task.axis == "weights" else task.x,
    }
    found = measured_or_reason(config, cell)
    if isinstance(found, str):
        return line | {"note": found}
    return line | {
        "note": TIMED,
        "median_s": statistics.median(found.seconds),
        "compile_s": found.trace_seconds + found.compile_seconds,
        "planned_mb": found.peak_bytes / 1e6,
        "predicted_mb": None if found.predicted_bytes is None else found.predicted_bytes / 1e6,
    }


def exponent(x: np.ndarray, y: np.ndarray) -> float:
    """Exponent p of y ~ xᵖ over the upper half."""
    upper = slice(len(x) // 2, None)
    return float(np.polyfit(np.log(x[upper]), np.log(y[upper]), 1)[0]) if len(x) > 3 else np.nan


def report(table: pd.DataFrame, folder: Path) -> None:
    """Write scaling.md and scaling.png."""
    timed = table[table["note"] == TIMED]
    figure = Figure(figsize=(12.0, 7.0), layout="constrained")
    axes = dict(zip(CHOICES, figure.subplots(2, 2).ravel(), strict=True))
    text = []
    for axis, plot in axes.items():
        own = timed[timed["axis"] == axis]
        text.append(f"\n| {axis} | | median [s] | compilation [s] | planned, predicted [MB] |")
        text.append("|---|---|---|---|---|")
        for (gradient, checkpoint), line in own.groupby(["gradient", "checkpoint"]):
            line = line.sort_values("value")
            name = line_name(bool(gradient), str(checkpoint))
            power = exponent(line["value"].to_numpy(float), line["median_s"].to_numpy(float))
            label = f"{name}: p = {power:.2f}"
            plot.loglog(line["value"], line["median_s"], marker=".", label=label)
            for record in line.to_dict("records"):
                predicted = f", {record['predicted_mb']:.3g}" if gradient else ""
                text.append(
                    f"| {record['value']} | {name} | {record['median_s']:.3g} "
                    f"| {record['compile_s']:.0f} | {record['planned_mb']:.3g}{predicted} |"
                )
            text.append(f"| exponent | {name} | {power:.2f} | | |")
        plot.set(xlabel=axis, ylabel="time [s]")
        if axis == "bodies":  # less than two decades: their own numbers
            plot.set_xticks(CHOICES[axis], [str(x) for x in CHOICES[axis]])
            plot.minorticks_off()
        plot.legend()
        plot.grid(alpha=0.3, which="both")
    for record in table[table["note"] != TIMED].to_dict("records"):
        text.append(f"\n{record['axis']} {record['value']}: {record['note']}")
    (folder / "scaling.md").write_text("\n".join(text).strip() + "\n")
    figure.savefig(folder / "scaling.png", dpi=110)


def main() -> None:
    """Measure what is missing, then report."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "outputs/benchmarks")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "scaling.csv"
    lines: list[Any] = pd.read_csv(path).to_dict("records") if path.exists() else []
    done = {(r["axis"], r["x"], r["gradient"], r["checkpoint"]) for r in lines}
    todo = [task for task in tasks() if tuple(task) not in done]
    for number, task in enumerate(todo, start=1):
        lines.append(measure(task))
        pd.DataFrame(lines).to_csv(path, index=False)
        seconds = lines[-1].get("median_s")
        shown = lines[-1]["note"] if seconds is None else f"{seconds:.3g} s"
        name = line_name(task.gradient, task.checkpoint)
        print(f"{number}/{len(todo)}  {task.axis} {task.x}, {name}: {shown}", flush=True)
    report(pd.DataFrame(lines), folder)
    print((folder / "scaling.md").read_text())
    print(f"Everything is in {folder}")


if __name__ == "__main__":
    main()
