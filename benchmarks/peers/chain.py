"""Seconds until a long chain is ready: links of which no two are alike, ours and MJX.

``python -m benchmarks.peers.chain '<task as JSON>'`` is one engine in a process of its own. The
chain is free; every link hangs from the one before by a hinge with a servo, and the last is a ball
that may touch the ground. What is compiled is where the last link comes to after ten steps under
constant commands, of ours also its gradient with respect to the commands. It is not run: what XLA
makes of MJX's chain of 16 links was not through with ten steps after four minutes.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.turns import Failed, Worker

if TYPE_CHECKING:
    from diffsim.robots.config import RobotConfig

LINKS, STEPS = 30, 10
TIMESTEP = 0.005  # [s]
ITERATIONS, LINE_SEARCH = 3, 4
"""Of MJX, as on the other robot of this benchmark."""


@dataclasses.dataclass(frozen=True)
class ChainCell:
    """One engine's job.

    Attributes:
        engine: "ours" or "mjx".
        model: path of the chain as a MuJoCo model (MJB); ours builds its own.
        robots: at once.
        gradient: whether it is what is compiled; of ours alone.
    """

    engine: str
    model: str
    robots: int
    gradient: bool


def chain(links: int) -> RobotConfig:
    """The chain; lengths, axes and shapes change from each link to the next."""
    from diffsim.robots.config import BodyConfig, JointConfig, MotorConfig, RobotConfig

    robot = RobotConfig(name="chain")
    for k in range(links):
        last = k == links - 1
        start = [0.0, 0.0, 0.2 * links if k == 0 else 0.0]
        robot.bodies[f"link_{k}"] = (
            BodyConfig(shape="sphere", radius=0.05)
            if last
            else BodyConfig(
                shape="box",
                size=[0.05, 0.04, 0.1 + 0.002 * k],
                position=start,
                ground_contact=False,
            )
        )
        if k == 0:
            continue
        turn = 0.3 * k
        robot.joints[f"hinge_{k}"] = JointConfig(
            type="hinge",
            axis=[math.cos(turn), math.sin(turn), 0.0],
            parent=f"link_{k - 1}",
            child=f"link_{k}",
            parent_face=[0.0, 0.0, -1.0],
            child_face=[0.0, 0.0, 0.0 if last else 1.0],
        )
        robot.motors[f"motor_{k}"] = MotorConfig(joint=f"hinge_{k}", max_force=10.0, gain=30.0)
    return robot


def ours(cell: ChainCell) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Build the function that is compiled, and its arguments."""
    import jax
    import jax.numpy as jnp

    import diffsim
    from diffsim.simulate.batch import side_by_side

    robot = chain(LINKS)
    world = diffsim.build_world(robot, [0.0, 0.0, -9.81], TIMESTEP)
    start = diffsim.initial_state(robot, world)
    commands = jnp.zeros(diffsim.command_count(world))
    if cell.robots > 1:
        world, start = side_by_side(world, start, cell.robots)
        commands = jnp.zeros((len(commands), cell.robots))
    engine = diffsim.Engine(world, diffsim.ProjectedGaussSeidel())

    def end(commands: jax.Array, start: diffsim.State) -> jax.Array:
        policy = diffsim.hold(diffsim.Control(commands))
        position = diffsim.rollout(engine, start, policy, STEPS).state.pose.position
        return jnp.sum(position.x[-1])

    return (jax.grad(end) if cell.gradient else end), (commands, start)


def mjx(cell: ChainCell) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Build the function that is compiled, and its arguments."""
    import jax
    import jax.numpy as jnp
    import mujoco
    from mujoco import mjx

    host = mujoco.MjModel.from_binary_path(cell.model)
    host.opt.iterations, host.opt.ls_iterations = ITERATIONS, LINE_SEARCH
    model = mjx.put_model(host)
    settled = mujoco.MjData(host)
    mujoco.mj_forward(host, settled)
    blank = mjx.put_data(host, settled)
    q, v = (
        jnp.broadcast_to(jnp.asarray(part), (cell.robots, len(part)))
        for part in (settled.qpos, settled.qvel)
    )
    commands = jnp.zeros((cell.robots, host.nu))

    def one(q: jax.Array, v: jax.Array, command: jax.Array) -> jax.Array:
        def body(data: Any, _: None) -> tuple[Any, None]:
            return mjx.step(model, data), None

        begin = blank.replace(qpos=q, qvel=v, ctrl=command)
        return jax.lax.scan(body, begin, length=STEPS)[0].xpos[-1, 0]

    def end(commands: jax.Array, q: jax.Array, v: jax.Array) -> jax.Array:
        return jnp.sum(jax.vmap(one)(q, v, commands))

    return end, (commands, q, v)


def prepare(cell: ChainCell) -> dict[str, float]:
    """Trace and compile; the seconds of both."""
    import jax

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_compilation_cache", False)
    function, arguments = (mjx if cell.engine == "mjx" else ours)(cell)
    begin = time.perf_counter()
    lowered = jax.jit(function).lower(*arguments)
    traced = time.perf_counter()
    lowered.compile()
    return {"trace_s": traced - begin, "compile_s": time.perf_counter() - traced}


def race(model: Path) -> list[dict[str, Any]]:
    """Seconds of ours, forward and with the gradient, and of MJX forward, one robot and 128."""
    from benchmarks.peers.robot import save_robot

    save_robot(chain(LINKS), [0.0, 0.0, -9.81], TIMESTEP, model)
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
    lines = []
    for robots in (1, 128):
        for engine, gradient in (("mjx", False), ("ours", False), ("ours", True)):
            cell = ChainCell(engine, str(model), robots, gradient)
            asked = json.dumps(dataclasses.asdict(cell))
            command = [sys.executable, "-m", "benchmarks.peers.chain", asked]
            line: dict[str, Any] = {"engine": engine, "robots": robots, "gradient": gradient}
            try:
                worker = Worker(engine, command, environment)
                line |= worker.ready
                worker.close()
            except Failed as error:
                line["note"] = str(error)
            print(f"  {line}", flush=True)
            lines.append(line)
    return lines


def report(lines: list[dict[str, Any]]) -> list[str]:
    """The table, row by row, with ratios to MJX's forward pass of as many robots."""
    rows = [
        "| robots | | engine | trace [s] | compile [s] | × MJX's forward |",
        "|---|---|---|---|---|---|",
    ]
    ready = {
        (line["engine"], line["robots"], line["gradient"]): line["trace_s"] + line["compile_s"]
        for line in lines
        if "trace_s" in line
    }
    for line in lines:
        what = "gradient" if line["gradient"] else "forward"
        name = "diffsim" if line["engine"] == "ours" else f"MJX, {ITERATIONS} iterations"
        if "trace_s" not in line:
            rows.append(f"| {line['robots']} | {what} | {name} | {line['note']} | | |")
            continue
        peer = ready.get(("mjx", line["robots"], False))
        mine = ready[line["engine"], line["robots"], line["gradient"]]
        ratio = "" if peer is None else f"{mine / peer:#.2g}"
        rows.append(
            f"| {line['robots']} | {what} | {name} | {line['trace_s']:.1f} | "
            f"{line['compile_s']:.1f} | {ratio} |"
        )
    return rows


if __name__ == "__main__":
    # What engines and compilers print goes elsewhere than the answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    print(json.dumps(prepare(ChainCell(**json.loads(sys.argv[1])))), file=answers, flush=True)
