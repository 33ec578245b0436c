"""One engine in a process of its own, told by lines what to do: ``python -m … '<task as JSON>'``.

It prepares the task and answers with a line; then it answers every line "run", "check" or
"unconverged". Engines so find neither the other's compiler flags nor its threads at work: nothing
of diffsim may be imported on the way to the others, for it sets XLA's flags (under which the
compiler of jaxlib 0.10.2 aborts on MJX).
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from typing import Any

import numpy as np

from benchmarks.peers.task import PeerCell, PeerEngine

DIFFERENCE = {"float32": 1e-2, "float64": 1e-6}
DIRECTIONS = 8


def prepare(task: PeerCell) -> PeerEngine:
    """The engine, compiled."""
    if task.engine == "mujoco":
        from benchmarks.peers.mujoco_c import MujocoC

        return MujocoC(task)
    import jax

    jax.config.update("jax_enable_x64", task.precision == "float64")
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_compilation_cache", False)
    jax.config.update("jax_num_cpu_devices", task.threads)
    if task.engine == "mjx":
        from benchmarks.peers.mjx import Mjx

        return Mjx(task)
    from benchmarks.peers.ours import Ours

    return Ours(task)


def run(engine: PeerEngine) -> dict[str, Any]:
    """Once, with the seconds that it took."""
    begin = time.perf_counter()
    result = engine.run()
    return {"seconds": time.perf_counter() - begin} | result


def check(engine: PeerEngine, task: PeerCell) -> dict[str, Any]:
    """The gradient along random directions against central differences of the engine itself."""
    weights, step = task.weights(), DIFFERENCE[task.precision]
    gradient = engine.gradient(weights)
    along, differences = [], []
    for direction in task.directions(DIRECTIONS):
        along.append(float(np.sum(gradient * direction)))
        ahead, behind = (engine.value(weights + sign * step * direction) for sign in (1.0, -1.0))
        differences.append((ahead - behind) / (2.0 * step))
    error = np.linalg.norm(np.subtract(along, differences)) / np.linalg.norm(differences)
    return {"gradients": along, "differences": differences, "relative_error": float(error)}


def main() -> None:
    # What engines and compilers print goes elsewhere than the answers.
    answers, sys.stdout = sys.stdout, sys.stderr

    def answer(found: dict[str, Any]) -> None:
        print(json.dumps(found), file=answers, flush=True)

    try:
        task = PeerCell.from_json(sys.argv[1])
        begin = time.perf_counter()
        engine = prepare(task)
        answer({"seconds": time.perf_counter() - begin})
        for line in sys.stdin:
            asked = line.strip()
            if asked == "run":
                answer(run(engine))
            elif asked == "check":
                answer(check(engine, task))
            elif asked == "unconverged":
                answer({"errors": engine.unconverged()})
            else:
                raise ValueError(f"asked for '{asked}'")
    except Exception as error:
        traceback.print_exc()
        answer({"error": f"{type(error).__name__}: {str(error).splitlines()[0][:150]}"})


if __name__ == "__main__":
    main()
