"""The paper's figures beside ours, from the files of the runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.paper.plan import Scale
from diffsim.bench.results import PAPER
from diffsim.reporting import texts
from diffsim.runs.folder import RunFolder, read_json

EXPERIMENTS = {
    1: "throwing a ball",
    2: "speed (Table 1)",
    3: "arm to a fixed point",
    4: "arm to any point",
    5: "quadruped's gait",
    6: "pendulum from pixels",
}
LOST = 0.33
"""The pendulum's end is further from the upright point than this: it is down, or ran away [m]."""
DIGITS = 3
"""Of figures in the tables."""
GAIT_MARK = 1.17
"""The speed of the paper's gait [m/s]."""


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        experiment: its number in the paper's order, 1 to 6.
        what: the figure, in words.
        unit: of it.
        paper: what the paper has; None if it has nothing to compare with.
        values: of ours, one for each run; nan for one that did not get there.
        more: whether more is better.
        jobs: names of the runs, in the order of ``values``.
        note: what a reader must know to compare the two.
        detail: whether it is left to the experiment's own table.
    """

    experiment: int
    what: str
    unit: str
    paper: float | None
    values: tuple[float, ...]
    jobs: tuple[str, ...]
    more: bool = False
    note: str = ""
    detail: bool = False

    @property
    def median(self) -> float:
        """Median of our values; a run that did not get there is the worst. nan if most did not."""
        worst = -math.inf if self.more else math.inf
        middle = float(pd.Series([worst if math.isnan(v) else v for v in self.values]).median())
        return middle if math.isfinite(middle) else math.nan

    @property
    def ratio(self) -> float:
        """Ratio by which ours is better than the paper's; nan if that cannot be said."""
        if not self.paper or not self.values:
            return math.nan
        return self.median / self.paper if self.more else self.paper / self.median

    @property
    def better(self) -> int:
        """Number of runs that are at least as good as the paper."""
        if self.paper is None:
            return 0
        return sum(v >= self.paper if self.more else v <= self.paper for v in self.values)

    @property
    def verdict(self) -> str:
        """Verdict on a figure: met by the median or not, and by how many runs if not by all."""
        if not self.values:
            return "**missing**"
        if self.paper is None:
            return "–"
        met = self.median >= self.paper if self.more else self.median <= self.paper
        count = f", {self.better} of {len(self.values)}"
        return ("met" if met else "**not met**") + ("" if self._agree(met) else count)

    def _agree(self, met: bool) -> bool:
        return self.better == (len(self.values) if met else 0)


class Runs:
    """The runs of a scale, by the names of their jobs; those that are not done are left out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self, part: str) -> list[str]:
        """All done jobs ``<part>_<number>``, in order."""
        done = (p.parent.name for p in self.folder.glob(f"{part}_*/job.json"))
        numbers = (name.removeprefix(f"{part}_") for name in done)
        return [f"{part}_{n}" for n in sorted(int(n) for n in numbers if n.isdigit())]

    def metrics(self, name: str) -> pd.DataFrame:
        """``metrics.csv`` of a training."""
        return RunFolder(self.folder / name).metrics()

    def result(self, name: str, key: str) -> float:
        """A figure of a training's ``result.json``; nan unless its goal was met."""
        result = RunFolder(self.folder / name).result()
        return float(result[key]) if result["succeeded"] else math.nan

    def table1(self) -> pd.DataFrame | None:
        """All measured cells of Table 1, None if there is none."""
        done = sorted(self.folder.glob("table1_*/job.json"))
        tables = [pd.read_csv(path.parent / "table1.csv") for path in done]
        if not tables:
            return None
        table = pd.concat(tables, ignore_index=True)
        return table.sort_values(
            ["gradient", "robots", "controller"], ascending=[True, True, False]
        )

    def evaluation(self, name: str, what: str) -> Path:
        """The folder of an evaluation."""
        return self.folder / name / "evaluations" / what


def rows(scale: Scale, folder: Path) -> list[Row]:
    """All rows, in the paper's order."""
    runs = Runs(folder)
    return [
        *_ball(runs),
        *_table1(scale, runs),
        *_arm_fixed(runs),
        *_arm_random(runs),
        *_gait(scale, runs),
        *_pendulum(scale, runs),
    ]


def evaluations_to(metrics: pd.DataFrame, figure: str, mark: float, *, more: bool = False) -> float:
    """Evaluations until a training reached a mark, nan if it never did."""
    there = metrics[figure] >= mark if more else metrics[figure] < mark
    return float(metrics["evaluations"][there].iloc[0]) if there.any() else math.nan


def seconds_an_iteration(metrics: pd.DataFrame) -> float:
    """Without the first, which compiles [s]."""
    took = metrics["wall_s"].iloc[-1] - metrics["wall_s"].iloc[0]
    return float(took) / max(len(metrics) - 1, 1)


def _each(
    runs: Runs, part: str, of: Callable[[str], float], evaluation: str | None = None
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """A figure of every run of a part, and the runs' names.

    Args:
        runs, part: where the runs are.
        of: the figure, by the name of a run.
        evaluation: that it is read from; runs that have not been evaluated so yet are left out.
    """
    names = runs.names(part)
    if evaluation is not None:
        done = (runs.evaluation(name, evaluation) / "evaluation.json" for name in names)
        names = [name for name, path in zip(names, done, strict=True) if path.exists()]
    return tuple(of(name) for name in names), tuple(names)


def _ball(runs: Runs) -> list[Row]:
    found = []
    costly = "an iteration is a simulation and its Jacobian; the paper's is gradient descent"
    for preset, method, note in (
        ("ball_adam", "Adam", ""),
        ("ball_lm", "Levenberg-Marquardt", costly),
    ):
        names = runs.names(preset)
        for start, mine in (("from zero", names[:1]), ("from near zero", names[1:])):
            detail = (method, start) != ("Adam", "from zero")
            for what, key, unit, paper in (
                (f"iterations, {method}, {start}", "iterations", "", 88.0),
                (f"seconds, {method}, {start}", "wall_s", "s", 16.3),
            ):
                values = tuple(runs.result(name, key) for name in mine)
                found.append(
                    Row(1, what, unit, paper, values, tuple(mine), note=note, detail=detail)
                )
    for what, key, unit, paper in (
        ("evaluations, CMA-ES, from zero", "evaluations", "", 2422.0),
        ("seconds, CMA-ES, from zero", "wall_s", "s", 59.9),
    ):
        values, jobs = _each(runs, "ball_cmaes", partial(runs.result, key=key))
        found.append(Row(1, what, unit, paper, values, jobs))
    return found


def _table1(scale: Scale, runs: Runs) -> list[Row]:
    found = []
    table = runs.table1()
    for gradient in (True, False):
        for robots, controller in scale.table1:
            values: tuple[float, ...] = ()
            if table is not None:
                cell = (
                    (table["robots"] == robots)
                    & (table["controller"] == controller)
                    & (table["gradient"] == gradient)
                )
                values = tuple(table["median_s"][cell].astype(float))
            jobs = (f"table1_{robots}_{controller}",) if values else ()
            paper = PAPER.get((robots, controller, gradient))
            parameters = "1,296" if controller == "linear" else "1,147,904"
            what = (
                f"{robots} robot{'s' if robots > 1 else ''}, {parameters} parameters, "
                f"{'gradient' if gradient else 'forward'}, 1,000 steps"
            )
            at = 1 if scale.device == "gpu" else 0
            found.append(Row(2, what, "s", paper[at] if paper else None, values, jobs))
    return found


def _arm_fixed(runs: Runs) -> list[Row]:
    found = []
    for mark, text, paper in ((0.04, "4 cm", 100.0), (0.01, "1 cm", 150.0)):

        def there(name: str, mark: float = mark) -> float:
            return evaluations_to(runs.metrics(name), "end_distance", mark)

        values, jobs = _each(runs, "arm_fixed", there)
        found.append(Row(3, f"evaluations to {text}", "", paper, values, jobs))
    values, jobs = _each(runs, "arm_fixed", lambda name: seconds_an_iteration(runs.metrics(name)))
    found.append(Row(3, "seconds an evaluation with gradient", "s", 5.0, values, jobs))
    values, jobs = _each(
        runs, "arm_fixed_cmaes", lambda name: float(runs.metrics(name)["end_distance"].min())
    )
    note = "the baseline; the paper's is the mean after a week"
    what = "best distance in 60,000 evaluations, CMA-ES"
    found.append(Row(3, what, "m", 0.933, values, jobs, note=note))
    return found


def _arm_random(runs: Runs) -> list[Row]:
    found = []
    for mark, text, paper in ((0.1, "10 cm", 576.0), (0.05, "5 cm", 2563.0)):

        def updates(name: str, mark: float = mark) -> float:
            metrics = runs.metrics(name)
            there = metrics["validation_end_distance"] < mark
            return float(metrics["iteration"][there].iloc[0]) if there.any() else math.nan

        values, jobs = _each(runs, "arm_random", updates)
        what = f"updates of 128 episodes to {text} of mean error"
        found.append(Row(4, what, "", paper, values, jobs, note="looked at every 20 updates"))
    values, jobs = _each(runs, "arm_random", lambda name: seconds_an_iteration(runs.metrics(name)))
    found.append(Row(4, "seconds an update", "s", 58.0, values, jobs, note="the paper's on a GPU"))
    for part, method in (("arm_random", "BPTT"), ("arm_random_cmaes", "CMA-ES")):

        def fresh(name: str) -> float:
            summary = read_json(runs.evaluation(name, "fresh") / "evaluation.json")
            return float(summary["mean"]["end_distance"])

        values, jobs = _each(runs, part, fresh, "fresh")
        what = f"mean error on fresh targets at the end, {method}"
        found.append(Row(4, what, "m", None, values, jobs))
    return found


def _gait(scale: Scale, runs: Runs) -> list[Row]:
    def best(name: str) -> float:
        return float(runs.metrics(name)["speed"].max())

    def seconds(name: str) -> float:
        return float(runs.metrics(name)["wall_s"].iloc[-1])

    def finer(name: str) -> float:
        summary = read_json(runs.evaluation(name, "finer") / "evaluation.json")
        return float(summary["mean"]["speed"])

    part = "quadruped_gait"
    note = "motors of 60 N·m; the paper's have 4"
    values, jobs = _each(runs, part, best)
    found = [Row(5, "speed after 500 evaluations", "m/s", GAIT_MARK, values, jobs, True, note)]
    values, jobs = _each(
        runs,
        part,
        lambda name: evaluations_to(runs.metrics(name), "speed", GAIT_MARK, more=True),
    )
    found.append(Row(5, f"evaluations to {GAIT_MARK} m/s", "", 500.0, values, jobs, note=note))
    values, jobs = _each(runs, part, seconds)
    found.append(Row(5, "seconds for 500 evaluations", "s", 3600.0, values, jobs))
    values, jobs = _each(runs, part, finer, "finer")
    found.append(Row(5, "the same gait at a quarter of the time step", "m/s", None, values, jobs))
    for limit in scale.limits:
        values, jobs = _each(runs, f"quadruped_gait_{limit:g}Nm", best)
        note = "the paper's torque limit" if limit == 4.0 else ""
        what = f"speed with motors of {limit:g} N·m"
        found.append(Row(5, what, "m/s", GAIT_MARK, values, jobs, True, note))
    values, jobs = _each(runs, "quadruped_gait_cmaes", best)
    found.append(Row(5, "speed after 500 evaluations, CMA-ES", "m/s", None, values, jobs, True))
    return found


def _pendulum(scale: Scale, runs: Runs) -> list[Row]:
    part = "pendulum_camera"
    values, jobs = _each(
        runs,
        part,
        lambda name: evaluations_to(runs.metrics(name), "validation_end_distance", 0.1),
    )
    found = [Row(6, "episodes to 10 cm from upright", "", 2420.0, values, jobs)]
    values, jobs = _each(runs, part, lambda name: float(runs.metrics(name)["wall_s"].iloc[-1]))
    what = "seconds for all 2,400 episodes"
    found.append(Row(6, what, "s", 54_000.0, values, jobs, note="the paper's on a GPU"))
    for name, controller in ((part, "from pixels"), ("pendulum_state", "from joint sensors")):
        for push in scale.pushes:

            def up(run: str, push: float = push) -> float:
                episodes = pd.read_csv(runs.evaluation(run, f"push_{push:g}") / "episodes.csv")
                return float(100.0 * (episodes["worst_distance"] < LOST).mean())

            values, jobs = _each(runs, name, up, f"push_{push:g}")
            paper = 100.0 if name == part and push == 0.0 else None
            pushed = f", pushed by {push:g} m/s every 5 s" if push else ""
            what = f"starts up for more than a minute{pushed}, {controller}"
            found.append(Row(6, what, "%", paper, values, jobs, True))
    return found


def spread(row: Row) -> str:
    """Median (smallest to largest), and how many got there if not all; "–" if there is no run."""
    known = [value for value in row.values if not math.isnan(value)]
    if len(known) == len(row.values):
        return texts.spread(np.array(known), DIGITS)
    middle = "never" if math.isnan(row.median) else texts.number(row.median, DIGITS)
    if not known:
        return middle
    ends = " to ".join(texts.number(value, DIGITS) for value in (min(known), max(known)))
    return f"{middle} ({ends}, {len(known)} of {len(row.values)})"
