"""``diffsim-bench``: the paper's Table 1, seconds to simulate and to differentiate a robot."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from diffsim.bench.config import BenchConfig, check_bench
from diffsim.cli.command import end_job, never_began, start
from diffsim.cli.configuration import typed_config
from diffsim.experiment.interruption import current

COMMAND = "diffsim-bench"
WIDTH = 220
"""Of tables that go to a file or a pipe."""


@hydra.main(version_base="1.3", config_path="pkg://diffsim.conf", config_name="bench")
def _job(composed: DictConfig) -> None:
    """One table."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        with current().ending(partial(never_began, folder)):
            _bench(composed, folder)
    except Exception as error:
        end_job(COMMAND, error)


def _bench(composed: DictConfig, folder: Path) -> None:
    config = typed_config(composed, BenchConfig)
    check_bench(config)

    # JAX is loaded here and not before: help and errors in a config come at once.
    from rich.console import Console

    from diffsim.bench.runner import run_bench

    run_bench(config, folder, Console(width=None if sys.stdout.isatty() else WIDTH))


def main() -> None:
    """Compose the config, measure, exit: 0 done, 1 failed, 2 the command or config is wrong."""
    start(COMMAND, _job)


if __name__ == "__main__":
    main()
