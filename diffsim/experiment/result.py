"""The outcome of a run, ``result.json``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from diffsim.runs.folder import RunFolder
from diffsim.validation import ConfigError

LISTED = 1000
"""Most numbers of a variable that ``result.json`` lists."""


@dataclass
class RunResult:
    """The outcome of a run.

    Attributes:
        folder: where everything is.
        succeeded: whether the task's goal was met.
        iterations: how many iterations were done.
        evaluations: how many episodes they simulated.
        wall_s: seconds of training, compilation included.
        loss: of the best point: the first that met the goal, else the one of the lowest loss.
        metrics: of the best point.
        variables: the best point, in the variables' own units; the parameters of large nets are
            only in the checkpoint.
        goal: where it is in the episode of the trajectories [m], if the task has one.
    """

    folder: Path
    succeeded: bool
    iterations: int
    evaluations: int
    wall_s: float
    loss: float
    metrics: dict[str, float]
    variables: dict[str, list[float]]
    goal: list[float] | None

    def save(self) -> None:
        """Write it into its folder."""
        content = {name: value for name, value in vars(self).items() if name != "folder"}
        RunFolder(self.folder).write_result(content)


def load_result(folder: Path) -> RunResult:
    """The outcome of a run that is over.

    Raises:
        ConfigError: if it has none.
    """
    try:
        found = RunFolder(folder).result()
        found["loss"] = float(found["loss"])  # JSON has no inf and nan: they are texts
        found["metrics"] = {name: float(value) for name, value in found["metrics"].items()}
        return RunResult(folder=folder, **found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"the run in {folder} has no result that can be read") from error
