"""Seconds for the ball's 500 time steps, forward and gradient, with and without the XLA flags.

Usage: python -m benchmarks.engine_speed

Each setting runs in a process of its own, because XLA reads its flags once. Prints a Markdown
table with the smallest of several times, compilation apart.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

BATCHES = (1, 128)
REPEATS = 5
SETTINGS = {
    "as shipped": "",
    "multi-output fusion alone": "xla_cpu_use_multi_output_fusion=true",
    "loops in one kernel alone": "xla_cpu_small_while_loop_byte_threshold=4000000",
    "neither": "xla_cpu_use_multi_output_fusion=false",
}


def measure(label: str) -> None:
    """Print the lines of the table for the XLA flags of this process."""
    import jax
    import jax.numpy as jnp

    from diffsim.cli.configuration import compose_config
    from diffsim.experiment.experiment import Experiment

    experiment = Experiment(compose_config())

    def loss(x: jax.Array) -> jax.Array:
        return experiment.evaluate(x).loss

    def seconds(function: Callable[[jax.Array], jax.Array], x: jax.Array) -> tuple[float, float]:
        """Compilation, and the smallest time of several."""
        start = time.perf_counter()
        compiled = jax.jit(function).lower(x).compile()
        compilation = time.perf_counter() - start
        times = []
        for _ in range(REPEATS + 1):
            start = time.perf_counter()
            jax.block_until_ready(compiled(x))
            times.append(time.perf_counter() - start)
        return compilation, min(times[1:])

    for batch in BATCHES:
        start = jnp.asarray(experiment.initial) + jnp.array([4.0, 0, 4.0, 0, -2.5, 0])
        x = start + 0.01 * jnp.arange(batch)[:, None]
        compile_forward, forward = seconds(jax.vmap(loss), x)
        compile_gradient, gradient = seconds(jax.vmap(jax.grad(loss)), x)
        print(
            f"| {label} | {batch} | {forward * 1e3:.1f} | {gradient * 1e3:.1f} "
            f"| {gradient / forward:.1f} | {compile_forward:.1f} / {compile_gradient:.1f} |",
            flush=True,
        )


def main() -> None:
    """Measure every setting in turn."""
    if len(sys.argv) > 1:
        measure(sys.argv[1])
        return
    print("| XLA | balls | forward [ms] | gradient [ms] | ratio | compilation [s] |")
    print("|---|---|---|---|---|---|", flush=True)
    for label, options in SETTINGS.items():
        flags = f"--xla_backend_extra_options={options}" if options else ""
        environment = {
            **os.environ,
            "XLA_FLAGS": flags,
            "JAX_ENABLE_COMPILATION_CACHE": "false",
        }
        subprocess.run([sys.executable, __file__, label], env=environment, check=True)


if __name__ == "__main__":
    main()
