"""A learner of another library, on an environment of ours."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "environments.md"


@pytest.mark.slow
def test_policy_optimisation_of_stable_baselines_learns_to_balance(tmp_path: Path) -> None:
    pytest.importorskip("stable_baselines3")
    (program,) = re.findall(
        r"^```python\n# mine/balance_ppo\.py\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split(":")[1]) < 0.1
