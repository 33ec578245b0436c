"""diffsim: a differentiable 3D rigid-body physics engine for robotics, in JAX.

Importing the package is cheap: JAX is loaded when the engine is first used.
"""

import os

__version__ = "0.1.0"

_MULTI_OUTPUT_FUSION = "xla_cpu_use_multi_output_fusion"


def _request_multi_output_fusion() -> None:
    """Ask XLA's CPU backend to compute a value with several users once.

    By default that backend recomputes a value inside each of its users; in the chain of impulses of
    a Gauss-Seidel sweep this costs a factor of 20 to 40 on component arrays (``docs/engine.md``).
    The flag is process-wide and read when JAX starts its backend, so it is set here, before the
    first use of JAX, and only added to what the user has set. It is an entry in a free-form map:
    an XLA that does not know it ignores it.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if "--xla_backend_extra_options" not in flags:
        option = f"--xla_backend_extra_options={_MULTI_OUTPUT_FUSION}=true"
        os.environ["XLA_FLAGS"] = f"{flags} {option}".strip()


_request_multi_output_fusion()
