"""The tests.

What one process has compiled, others need not compile again: the commands that tests run in
processes of their own take most of their time from each other. And what is compiled for tests runs
for milliseconds: it is optimised less, unless XLA_FLAGS are set (even to nothing, as by
`make test-slow`).
"""

import os
from pathlib import Path

_CACHE = Path(__file__).parent.parent / ".pytest_cache" / "compiled"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.5")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
)
