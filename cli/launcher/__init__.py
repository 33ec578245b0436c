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
            ConfigError: if it is another program's, or there is to be less than one job at once.
        """
        from diffsim.cli.sweep import COMMAND
        from diffsim.validation import ConfigError

        if config.hydra.job.name != COMMAND:
            raise ConfigError(
                f"hydra/launcher=processes is for {COMMAND} alone, got {config.hydra.job.name}"
            )
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
        from diffsim.runs.folder import RunFolder

        assert self._config is not None
        home = Path(self._config.hydra.sweep.dir).absolute()
        jobs = [
            _job(self._config, home, number, overrides)
            for number, overrides in enumerate(job_overrides, initial_job_idx)
        ]
        over = {job.name for job in jobs if not sweep.begin_job(job.folder, job.overrides)}
        before = {job.name: RunFolder(job.folder).status() for job in jobs}
        chains = [Chain((job,)) for job in jobs]
        pool = Pool(chains, Console(), self._at_once, lambda job: job.name in over)

        def end(message: str) -> str:
            pool.end()
            return sweep.how_to_go_on(home, message)

        with current().ending(end) as stop:
            try:
                pool.run()
            except Stopped as error:
                raise stop.leave(error.signal, end(f"by {error.signal.name}")) from None
            finally:
                for job in jobs:
                    reason = pool.failed.get(job.name)
                    # Which a run has noted itself, if it came that far.
                    if reason and RunFolder(job.folder).status() == before[job.name]:
                        reason = reason.removeprefix(f"{job.program}: error: ")
                        RunFolder(job.folder).write_status("failed", reason)
        return [_returned(job, sweep.best_loss(job.folder)) for job in jobs]


def _job(config: DictConfig, home: Path, number: int, overrides: Sequence[str]) -> Job:
    """A job of a sweep, with all that the sweep was given of Hydra's and that concerns a job."""
    from diffsim.cli.jobs import Job
    from diffsim.cli.sweep import COMMAND, options

    others = tuple(f"hydra{mark}{part}" for part in OF_THE_SWEEP for mark in "./")
    given = config.hydra.overrides.hydra
    passed_on = [o for o in given if not o.lstrip("+~").startswith(others)]
    own = ["hydra.mode=RUN", f"hydra.job.num={number}", f"hydra.job.id={number}"]
    name = f"job_{number}"
    hydra_arguments = (*passed_on, *own, *options(config))
    return Job(name, COMMAND, tuple(overrides), home / name, 1.0, hydra_arguments)


def _returned(job: Job, loss: float | None) -> JobReturn:
    """The value of a job, as Hydra's sweepers take it."""
    found = JobReturn(overrides=job.overrides, working_dir=str(job.folder))
    found.status = JobStatus.COMPLETED
    found.return_value = loss
    return found
