"""The tests.

What one process has compiled, others need not compile again: the commands that tests run in
processes of their own take most of their time from each other.
"""

import os
from pathlib import Path

_CACHE = Path(__file__).parent.parent / ".pytest_cache" / "compiled"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.5")
