"""Measures one cell in a process of its own, and what the machine can do."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from diffsim.bench.config import BenchConfig, Cell
from diffsim.validation import ConfigError

MATRIX = 2048
"""Rows and columns of the matrices whose product tells the peak of arithmetic."""

PEAK_REPEATS = 5

STREAM_BYTES = 2**28
"""Size of the array that is read and written to tell the peak of the memory's speed."""


@dataclass
class Measurement:
    """Measured figures of a cell.

    Attributes:
        seconds: of every timed run.
        devices: that shared the robots.
        trace_seconds, compile_seconds: until the first run may begin; nothing is taken from a
            cache.
        equations: of one step, with its reverse pass for a gradient: the size of its graph.
        operations: arithmetic ones, counted in the graph.
        bytes: that XLA expects its kernels to read and write.
        peak_bytes: arguments, results and temporary memory of all devices, as XLA plans it.
        predicted_bytes: temporary memory that a gradient was expected to take.
        loss: mean distance of the robots [m].
        largest_gradient: magnitude of its largest entry, None for a forward pass; nan or inf where
            the product of derivatives over all steps has left the range of the numbers.
    """

    seconds: list[float]
    devices: int
    trace_seconds: float
    compile_seconds: float
    equations: int
    operations: float
    bytes: float
    peak_bytes: int
    predicted_bytes: int | None
    loss: float
    largest_gradient: float | None


@dataclass
class Machine:
    """Peaks that the machine was seen to reach: [operations/s] and [B/s]."""

    operations: float
    bytes: float


def measure_cell(config: BenchConfig, cell: Cell) -> Measurement:
    """Compile and time a cell.

    Raises:
        TimeoutError: if it takes longer than ``bench.limit``.
        RuntimeError: if its process fails.
    """
    found: Measurement = _in_own_process(_cell, config, cell, limit=config.bench.limit)
    return found


def measured_or_reason(config: BenchConfig, cell: Cell) -> Measurement | str:
    """Figures of a cell, or in one line why there are none."""
    try:
        return measure_cell(config, cell)
    except (TimeoutError, RuntimeError) as error:
        return str(error).splitlines()[0][:200]


def measure_machine(config: BenchConfig) -> Machine:
    """The peaks of the device by a large product of matrices, and by adding to a large array."""
    found: Machine = _in_own_process(_machine, config, None, limit=config.bench.limit)
    return found


def _in_own_process(
    job: Callable[..., Any], config: BenchConfig, argument: Any, limit: float
) -> Any:
    """So that no cell finds what another has compiled, allocated or broken."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(sender, job, config, argument), daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(limit):
            raise TimeoutError(f"over {limit:g} s")
        answer = receiver.recv()
    except EOFError as error:
        process.join()
        raise RuntimeError(f"the process ended with code {process.exitcode}") from error
    finally:
        process.terminate()
        process.join()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _answer(
    sender: Connection, job: Callable[..., Any], config: BenchConfig, argument: Any
) -> None:
    # Ctrl-C comes to all processes of a terminal: the one that started this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        sender.send(_on_device(job, config, argument))
    except ConfigError as error:
        sender.send(RuntimeError(str(error)))
    except Exception as error:
        sender.send(RuntimeError(f"{type(error).__name__}: {error}"))


def _on_device(job: Callable[..., Any], config: BenchConfig, argument: Any) -> Any:
    import jax

    from diffsim.experiment.device import computing_on, use_all_cores

    if config.device.platform != "gpu":
        use_all_cores(config.bench.shards)
    with computing_on(config.device, config.precision):
        jax.config.update("jax_enable_compilation_cache", False)
        return job(config, argument)


def _cell(config: BenchConfig, cell: Cell) -> Measurement:
    import jax
    import numpy as np

    from diffsim.bench.operations import count_operations
    from diffsim.bench.program import make_program

    function, weights, start, predicted, devices, equations = make_program(config, cell)
    begin = time.perf_counter()
    traced = jax.jit(function).trace(weights, start)
    lowered = traced.lower()
    traced_at = time.perf_counter()
    compiled = lowered.compile()
    compiled_at = time.perf_counter()

    seconds, result = _timed(compiled, (weights, start), config.bench.repeats)
    loss, gradient = result if cell.gradient else (result, None)
    largest = None
    if gradient is not None:
        # By NumPy, whose maximum of anything with nan is nan.
        leaves = jax.tree.leaves(gradient)
        largest = float(np.max([np.abs(np.asarray(leaf)).max() for leaf in leaves]))
    costs: Any = compiled.cost_analysis() or {}
    operations = count_operations(traced.jaxpr.jaxpr)
    counted = float(costs.get("flops", 0.0))
    # XLA counts every loop's body once; its share of bytes to operations is taken for the whole.
    read = float(costs.get("bytes accessed", 0.0)) * (operations / counted if counted else 0.0)
    memory: Any = compiled.memory_analysis()  # of one device
    return Measurement(
        seconds=seconds,
        devices=devices,
        trace_seconds=traced_at - begin,
        compile_seconds=compiled_at - traced_at,
        equations=equations,
        operations=operations,
        bytes=read,
        predicted_bytes=predicted,
        peak_bytes=devices
        * (memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes),
        loss=float(loss),
        largest_gradient=largest,
    )


def _timed(
    function: Callable[..., Any], arguments: tuple[Any, ...], repeats: int
) -> tuple[list[float], Any]:
    """Seconds of every run after a first one, and the result."""
    import jax

    result: Any = jax.block_until_ready(function(*arguments))
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        result = jax.block_until_ready(function(*arguments))
        seconds.append(time.perf_counter() - begin)
    return seconds, result


def _machine(config: BenchConfig, _: None) -> Machine:
    import jax
    import jax.numpy as jnp

    def fastest(function: Callable[..., Any], argument: Any) -> float:
        return min(_timed(jax.jit(function), (argument,), PEAK_REPEATS)[0])

    matrix = jnp.ones((MATRIX, MATRIX))
    stream = jnp.ones(STREAM_BYTES // matrix.dtype.itemsize)
    return Machine(
        operations=2.0 * MATRIX**3 / fastest(lambda a: a @ a, matrix),
        bytes=2.0 * STREAM_BYTES / fastest(lambda a: a + 1.0, stream),
    )
