"""``diffsim-eval``: measure a trained controller again, in other episodes."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig

from diffsim.cli.command import end_job, single, start
from diffsim.cli.configuration import typed_config
from diffsim.evaluation.config import EvalConfig

COMMAND = "diffsim-eval"


@hydra.main(version_base="1.3", config_path="pkg://diffsim.conf", config_name="eval")
def _job(composed: DictConfig) -> None:
    """One evaluation."""
    try:
        config = typed_config(composed, EvalConfig)

        # JAX is loaded here and not before: help and errors in a config come at once.
        from rich.console import Console

        from diffsim.evaluation.runner import run_eval

        run_eval(config, Console())
    except Exception as error:
        end_job(COMMAND, error)


def main() -> None:
    """Compose the config, evaluate, exit: 0 done, 1 it failed, 2 the command or config is wrong."""
    start(COMMAND, single(COMMAND, _job, "one run at a time"))


if __name__ == "__main__":
    main()
