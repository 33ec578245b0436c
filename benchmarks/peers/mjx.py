"""MJX: MuJoCo in JAX, with a set number of Newton iterations.

With one iteration it is differentiable in reverse mode as shipped. With more, its loop stops by
tolerance, which JAX cannot reverse; while the gradient is traced that loop is replaced by the form
as a scan that MJX itself uses for its line search.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import jax
import jax.numpy as jnp
import mujoco
import numpy as np
from jax.sharding import PartitionSpec
from mujoco import mjx
from mujoco.mjx._src import solver as mjx_solver

from benchmarks.peers.mujoco_c import elbows
from benchmarks.peers.task import CONVERGED, PeerCell

Carry = tuple[jax.Array, jax.Array, jax.Array]
"""Coordinates, rates, and the acceleration from which the solver begins."""


class Mjx:
    """Robots by vmap; among several threads each has its share of them on a device of its own."""

    def __init__(self, task: PeerCell):
        self.task = task
        self.host = mujoco.MjModel.from_binary_path(task.model)
        self.host.opt.iterations = task.iterations or CONVERGED
        self.host.opt.ls_iterations = task.line_search or self.host.opt.ls_iterations
        self.model = mjx.put_model(self.host)
        settled = mujoco.MjData(self.host)
        mujoco.mj_step(self.host, settled, task.settle)
        mujoco.mj_forward(self.host, settled)
        self.blank = mjx.put_data(self.host, settled)
        begin = (settled.qpos, settled.qvel, settled.qacc_warmstart)
        q, v, warm = (jnp.broadcast_to(part, (task.robots, len(part))) for part in begin)
        self.start: Carry = (q, v.at[:, :2].add(task.pushes()), warm)
        self.weights = jnp.asarray(task.weights())

        together = self._shared(partial(self._value, task.steps))
        both = self._shared(jax.value_and_grad(partial(self._value, task.steps), has_aux=True))
        self._forward = jax.jit(together)
        self._both = jax.jit(both)
        wanted = self._both if task.gradient else self._forward
        with reversible_loops(self.host.opt.iterations, task.gradient):
            self.compiled = wanted.lower(self.weights, self.start).compile()

    def run(self) -> dict[str, Any]:
        found = added_up(self.compiled(self.weights, self.start))
        (value, height), gradient = found if self.task.gradient else (found, None)
        result = {"value": float(value), "height": float(height)}
        if gradient is not None:
            result["largest"] = float(np.abs(gradient).max())
        return result

    def value(self, weights: np.ndarray) -> float:
        return float(added_up(self._forward(jnp.asarray(weights), self.start))[0])

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        found: np.ndarray = added_up(self.compiled(jnp.asarray(weights), self.start))[1]
        return found

    def unconverged(self) -> list[float]:
        """Against as many iterations as the model is saved with, from the same states."""
        converged = mjx.put_model(mujoco.MjModel.from_binary_path(self.task.model))

        def body(carry: Carry, _: None) -> tuple[Carry, jax.Array]:
            after = self._step(self.model, self.weights, carry)
            other = self._step(converged, self.weights, carry)
            return after, jnp.linalg.norm(after[1][:3] - other[1][:3])

        first = jax.tree.map(lambda part: part[0], self.start)
        errors = jax.jit(lambda carry: jax.lax.scan(body, carry, length=self.task.steps)[1])
        return [float(error) for error in errors(first)]

    def _step(self, model: Any, weights: jax.Array, carry: Carry) -> Carry:
        q, v, warm = carry
        readings = jnp.concatenate([q, v, q[elbows(self.host)]])
        data = self.blank.replace(qpos=q, qvel=v, qacc_warmstart=warm, ctrl=weights @ readings)
        after = mjx.step(model, data)
        return after.qpos, after.qvel, after.qacc_warmstart

    def _value(self, steps: int, weights: jax.Array, start: Carry) -> tuple[jax.Array, jax.Array]:
        """Distance and height, means over all robots of the task."""

        def one(carry: Carry) -> jax.Array:
            step = jax.checkpoint(lambda c, _: (self._step(self.model, weights, c), None))
            (q, _, _), _ = jax.lax.scan(step, carry, length=steps)
            return q

        final = jax.vmap(one)(start)
        return final[:, 0].sum() / self.task.robots, final[:, 2].sum() / self.task.robots

    def _shared(self, function: Any) -> Any:
        """Each device computes its part of the sums over all robots; a first axis counts them."""
        if self.task.robots == 1 or self.task.threads == 1:
            return lambda *arguments: jax.tree.map(lambda x: x[None], function(*arguments))
        mesh = jax.make_mesh(
            (self.task.threads,), ("robots",), axis_types=(jax.sharding.AxisType.Auto,)
        )

        def parts(weights: jax.Array, start: Carry) -> Any:
            return jax.tree.map(lambda x: x[None], function(weights, start))

        return jax.shard_map(
            parts,
            mesh=mesh,
            in_specs=(PartitionSpec(), PartitionSpec("robots")),
            out_specs=PartitionSpec("robots"),
            check_vma=False,
        )


def added_up(parts: Any) -> Any:
    """The sums over the devices' parts, on the host."""
    return jax.tree.map(lambda part: np.asarray(part).sum(axis=0), parts)


@contextmanager
def reversible_loops(iterations: int, wanted: bool) -> Iterator[None]:
    """While something is traced, loops of the solver as scans of so many iterations."""
    if not wanted or iterations == 1:
        yield
        return

    def as_scan(condition: Any, body: Any, start: Any) -> Any:
        return mjx_solver._while_loop_scan(condition, body, start, iterations)

    with patch.object(jax.lax, "while_loop", as_scan):
        yield
