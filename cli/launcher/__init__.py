"""Parallel sweeps, ``hydra/launcher=processes``: jobs in processes of their own, from the pool.

Every job is the command that anyone could type for it alone, with an equal share of the cores; what
it prints is in its ``job.log``. Hydra makes the jobs, ``diffsim.cli.sweep`` tells how they ended.

Installed as ``hydra_plugins.diffsim_launcher``, as Hydra takes launchers of that package alone. It
imports every module there in all programs that use Hydra, so nothing else is imported before a
sweep begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from diffsim.cli.jobs import Job

OF_THE_SWEEP = ("mode", "sweep", "sweeper", "launcher", "run")
"""Parts of Hydra's config that are no business of a single job."""


@dataclass
class ProcessesConfig:
    """Settings of the launcher.

    Attributes:
        n_jobs: most jobs at once; as many as there are cores if None.
    """

    _target_: str = "hydra_plugins.diffsim_launcher.ProcessLauncher"
    n_jobs: int | None = None


ConfigStore.instance().store(
    group="hydra/launcher", name="processes", node=ProcessesConfig, provider="diffsim"
)


class ProcessLauncher(Launcher):
    """Runs the jobs of a sweep in processes, several at once."""

    def __init__(self, n_jobs: int | None = None) -> None:
        """Nothing is started before ``launch``."""
        self._at_once = n_jobs
        self._config: DictConfig | None = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Take the config of the sweep; a job's function is the command itself.

        Raises:
            ConfigError: if there is to be less than one job at once.
        """
        from diffsim.validation import ConfigError

        if self._at_once is not None and self._at_once < 1:
            raise ConfigError(f"hydra.launcher.n_jobs must be >= 1, or null, got {self._at_once}")
        self._config = config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs that are not finished; of every job the best loss, None if it failed.

        Raises:
            Interrupted: by Ctrl-C or SIGTERM, when the jobs that were running have stopped.
        """
        from rich.console import Console

        from diffsim.cli import sweep
        from diffsim.cli.jobs import Chain, Pool, Stopped
        from diffsim.experiment.interruption import current

        assert self._config is not None
        home = Path(self._config.hydra.sweep.dir)
        numbered = enumerate(job_overrides, initial_job_idx)
        jobs = [_job(self._config, home / f"job_{number}", told) for number, told in numbered]
        over = {job.name for job in jobs if not sweep.begin(job.folder, job.overrides)}
        chains = [Chain((job,)) for job in jobs]
        pool = Pool(chains, Console(), self._at_once, lambda job: job.name in over)
        with current().ending(lambda message: sweep.how_to_go_on(home, message)) as stop:
            try:
                pool.run()
            except Stopped as error:
                number = error.signal
                raise stop.leave(number, sweep.how_to_go_on(home, f"by {number.name}")) from None
        for job in jobs:
            if reason := pool.failed.get(job.name):
                sweep.note_failure(job.folder, reason.removeprefix(f"{job.program}: error: "))
        return [_returned(job, sweep.best_loss(job.folder)) for job in jobs]


def _job(config: DictConfig, folder: Path, overrides: Sequence[str]) -> Job:
    """A job of a sweep, with all that the sweep was told of Hydra and that concerns a job."""
    from diffsim.cli.jobs import Job
    from diffsim.cli.sweep import COMMAND, own_folders

    others = tuple(f"hydra{mark}{part}" for part in OF_THE_SWEEP for mark in "./")
    told = config.hydra.overrides.hydra
    passed_on = [o for o in told if not o.lstrip("+~").startswith(others)]
    options = [text for path in own_folders(config) for text in ("--config-dir", path)]
    return Job(folder.name, COMMAND, tuple(overrides), folder, 1.0, (*passed_on, *options))


def _returned(job: Job, loss: float | None) -> JobReturn:
    found = JobReturn(overrides=job.overrides, working_dir=str(job.folder))
    found.status = JobStatus.COMPLETED
    found.return_value = loss
    return found
