"""diffsim: a differentiable 3D rigid-body physics engine for robotics, in JAX.

Importing the package is cheap: JAX is loaded when the engine is first used.
"""

import os

__version__ = "0.1.0"

_XLA_FLAGS = {
    "--xla_cpu_prefer_vector_width": "512",
    "--xla_backend_extra_options": ",".join(
        (
            "xla_cpu_use_multi_output_fusion=true",
            "xla_cpu_small_while_loop_byte_threshold=4000000",
            "xla_cpu_disable_loop_unrolling=true",
        )
    ),
}


def _request_xla_flags() -> None:
    """Ask XLA's CPU backend for what our programs need (measured in ``docs/engine.md``).

    Multi-output fusion: by default that backend recomputes a value inside each of its users; in the
    chain of impulses of a Gauss-Seidel sweep this costs a factor of 20 to 40 on component arrays.

    Loops in one kernel: by default each of the hundreds of small kernels in the body of a loop is
    launched by itself, which takes longer than what they compute. Loops that touch fewer bytes than
    the threshold in one pass are compiled as a whole. (Not all loops: the compiler takes more than
    linear time, and a kernel runs on one core.)

    No unrolling: our loops are many and short, and the compiler looks at all of them again for each
    one that it unrolls. Vectors of the processor's full width, where the default is half of it.

    The flags are process-wide and read when JAX starts its backend, so they are set here, before
    the first use of JAX; a flag that the user has set stays as it is. The extra options are entries
    in a free-form map: an XLA that does not know them ignores them.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    added = [f"{name}={value}" for name, value in _XLA_FLAGS.items() if name not in flags]
    os.environ["XLA_FLAGS"] = " ".join([flags, *added]).strip()


_request_xla_flags()
