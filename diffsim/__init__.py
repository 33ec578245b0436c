"""diffsim: a differentiable 3D rigid-body physics engine for robotics, in JAX.

Importing the package is cheap: JAX is loaded when the engine is first used.
"""

import os

__version__ = "0.1.0"

_XLA_OPTIONS = {
    "xla_cpu_use_multi_output_fusion": "true",
    "xla_cpu_small_while_loop_byte_threshold": "200000",
}


def _request_xla_options() -> None:
    """Ask XLA's CPU backend for two things that our programs need (``docs/engine.md``).

    Multi-output fusion: by default that backend recomputes a value inside each of its users; in the
    chain of impulses of a Gauss-Seidel sweep this costs a factor of 20 to 40 on component arrays.

    Loops in one kernel: by default each of the hundreds of small kernels in the body of a loop is
    launched by itself, which for a single robot takes ten times as long as what they compute. Loops
    that touch fewer bytes than the threshold are compiled as a whole. (Not all loops: the compiler
    takes more than linear time, and a kernel runs on one core.)

    The flags are process-wide and read when JAX starts its backend, so they are set here, before
    the first use of JAX, and only added to what the user has set. They are entries in a free-form
    map: an XLA that does not know them ignores them.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if "--xla_backend_extra_options" not in flags:
        options = ",".join(f"{name}={value}" for name, value in _XLA_OPTIONS.items())
        os.environ["XLA_FLAGS"] = f"{flags} --xla_backend_extra_options={options}".strip()


_request_xla_options()
