"""One generation of the engine in a process of its own: ``python generation.py '<cell as JSON>'``.

Run with the generation's folder as ``PYTHONPATH``; of diffsim it uses only what all of them have.
It compiles the cell and answers with a line; then it answers every line "run".
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any, cast


def prepare(cell: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The compiled function, without arguments, and what there is to say about it."""
    import jax
    import jax.numpy as jnp

    import diffsim  # sets XLA's flags, which are read with the first computation

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_compilation_cache", False)
    robot = diffsim.load_robot(cell["robot"])
    world = diffsim.build_world(robot, [0.0, 0.0, -9.81], cell["timestep"])
    solver = diffsim.ProjectedGaussSeidel()
    start = diffsim.initial_state(robot, world)
    if cell["robots"] > 1:
        world, start = side_by_side(world, start, cell["robots"])
    count = diffsim.command_count(world)
    commands = jnp.zeros((count, cell["robots"]) if cell["robots"] > 1 else count)

    def end(start: Any, commands: jax.Array) -> jax.Array:
        control, rollout = diffsim.Control(commands), cast(Any, diffsim.rollout)
        if hasattr(diffsim, "Engine"):
            engine = diffsim.Engine(world, solver)
            final = rollout(engine, start, diffsim.hold(control), cell["steps"]).state
        else:  # as generations before had it

            def policy(memory: Any, state: Any) -> tuple[Any, Any]:
                return memory, control

            final = rollout(world, solver, start, (), policy, cell["steps"]).state
        return jnp.sum(jax.tree.leaves(final)[0][0])  # how far along x the first body has come

    def once(start: Any, commands: jax.Array) -> Any:
        return diffsim.step(world, solver, start, diffsim.Control(commands))

    def back(start: Any, commands: jax.Array, cotangent: Any) -> Any:
        return jax.vjp(once, start, commands)[1](cotangent)

    function = jax.grad(end, argnums=(0, 1)) if cell["gradient"] else end
    begin = time.perf_counter()
    traced = jax.jit(function).trace(start, commands)
    lowered = traced.lower()
    traced_at = time.perf_counter()
    compiled = lowered.compile()
    compiled_at = time.perf_counter()
    one = (
        jax.make_jaxpr(back)(start, commands, start)
        if cell["gradient"]
        else jax.make_jaxpr(once)(start, commands)
    )
    told = {
        "trace_s": traced_at - begin,
        "compile_s": compiled_at - traced_at,
        "equations": count_equations(one.jaxpr),
    }

    def run() -> None:
        jax.block_until_ready(compiled(start, commands))

    return run, told


def side_by_side(world: Any, start: Any, robots: int) -> tuple[Any, Any]:
    """Put robots side by side as diffsim does, whose place has changed between generations."""
    import jax
    import jax.numpy as jnp

    world = jax.tree.map(lambda leaf: leaf[..., None] if leaf.ndim else leaf, world)
    return world, jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf[..., None], (*leaf.shape, robots)), start
    )


def count_equations(jaxpr: Any) -> int:
    """Count equations as ``diffsim.bench.operations`` does, which is not in all generations."""
    total = 0
    for equation in jaxpr.eqns:
        inner = [
            getattr(item, "jaxpr", item)
            for value in equation.params.values()
            for item in (value if isinstance(value, tuple | list) else [value])
        ]
        graphs = [graph for graph in inner if hasattr(graph, "eqns")]
        total += sum(count_equations(graph) for graph in graphs) if graphs else 1
    return total


def main() -> None:
    # What compilers print goes elsewhere than the answers.
    answers, sys.stdout = sys.stdout, sys.stderr

    def answer(found: dict[str, Any]) -> None:
        print(json.dumps(found), file=answers, flush=True)

    try:
        begin = time.perf_counter()
        run, told = prepare(json.loads(sys.argv[1]))
        run()
        answer({"seconds": time.perf_counter() - begin} | told)
        for _ in sys.stdin:
            begin = time.perf_counter()
            run()
            answer({"seconds": time.perf_counter() - begin})
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {str(error).splitlines()[0][:150]}"})


if __name__ == "__main__":
    main()
