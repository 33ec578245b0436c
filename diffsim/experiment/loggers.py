"""Other places than ``metrics.csv`` where a run's figures go: TensorBoard."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from diffsim.experiment.metrics import MetricsRow
from diffsim.validation import ConfigError


class TensorBoard:
    """Writes every figure of a row as a scalar over iterations, into ``tensorboard/``.

    Raises:
        ConfigError: if the package that writes its files is not installed.
    """

    def __init__(self, folder: Path, after: int) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise ConfigError(
                "loggers=[tensorboard] needs: pip install 'diffsim-jax[tensorboard]'"
            ) from error
        # What was written after the checkpoint that a run goes on from is not shown.
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=after + 1)

    def append(self, row: MetricsRow) -> None:
        """Write one row."""
        figures = {"loss": row.loss, "evaluations": row.evaluations, "seconds": row.wall_s}
        if row.grad_norm is not None:
            figures["grad_norm"] = row.grad_norm
        for name, value in {**figures, **row.metrics}.items():
            group = "training" if name in figures else "task"
            self._writer.add_scalar(f"{group}/{name}", value, row.iteration)

    def sync(self) -> None:
        """Hand all rows to the operating system."""
        self._writer.flush()

    def __enter__(self) -> TensorBoard:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.close()


LOGGERS = {"tensorboard": TensorBoard}
"""By the names that ``loggers`` may have."""
