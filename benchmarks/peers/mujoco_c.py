"""MuJoCo's C engine: its Newton solver, its thread pool, gradients by chained finite differences.

The derivative of each step comes from ``mjd_transitionFD``, one-sided; the chain of steps through
the controller is then multiplied out from the end.
"""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from mujoco.rollout import Rollout

from benchmarks.peers.task import CONVERGED, PeerCell

STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS
DIFFERENCE = 1e-6


def elbows(model: mujoco.MjModel) -> np.ndarray:
    """Places of the hinges' angles in the coordinates."""
    hinges = model.jnt_type == mujoco.mjtJoint.mjJNT_HINGE
    found: np.ndarray = model.jnt_qposadr[hinges]
    return found


class MujocoC:
    """Robots one by one, or many in the threads of MuJoCo's rollout, a step at a time."""

    def __init__(self, task: PeerCell):
        self.task = task
        self.model = mujoco.MjModel.from_binary_path(task.model)
        self.model.opt.iterations = task.iterations or CONVERGED
        self.elbows = elbows(self.model)
        self.start = mujoco.MjData(self.model)
        mujoco.mj_step(self.model, self.start, task.settle)
        self.data = [mujoco.MjData(self.model) for _ in range(task.threads)]
        self.pool = Rollout(nthread=task.threads) if task.robots > 1 else None

    def run(self) -> dict[str, Any]:
        if self.task.gradient:
            value, gradient = self._value_and_gradient(self.task.weights())
            return {"value": value, "height": self.height, "largest": float(abs(gradient).max())}
        return {"value": self.value(self.task.weights()), "height": self.height}

    def value(self, weights: np.ndarray) -> float:
        if self.pool is not None:
            return self._many(weights)
        data = self._begin()
        for _ in range(self.task.steps):
            data.ctrl[:] = weights @ self._readings(data)
            mujoco.mj_step(self.model, data)
        self.height = float(data.qpos[2])
        return float(data.qpos[0])

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        return self._value_and_gradient(weights)[1]

    def unconverged(self) -> list[float]:
        """Against ten times as many iterations without a tolerance, from the same states."""
        data, other = self._begin(), mujoco.MjData(self.model)
        weights, found = self.task.weights(), []
        iterations, tolerance = self.model.opt.iterations, self.model.opt.tolerance
        for _ in range(self.task.steps):
            data.ctrl[:] = weights @ self._readings(data)
            mujoco.mj_copyData(other, self.model, data)
            mujoco.mj_step(self.model, data)
            self.model.opt.iterations, self.model.opt.tolerance = 10 * CONVERGED, 0.0
            mujoco.mj_step(self.model, other)
            self.model.opt.iterations, self.model.opt.tolerance = iterations, tolerance
            found.append(float(np.linalg.norm(data.qvel[:3] - other.qvel[:3])))
        return found

    def _begin(self) -> mujoco.MjData:
        data = self.data[0]
        mujoco.mj_copyData(data, self.model, self.start)
        data.qvel[:2] += self.task.pushes()[0]
        return data

    def _readings(self, data: mujoco.MjData) -> np.ndarray:
        return np.concatenate([data.qpos, data.qvel, data.qpos[self.elbows]])

    def _many(self, weights: np.ndarray) -> float:
        """All robots; the solver begins at the last step's change of velocity."""
        assert self.pool is not None
        model, robots = self.model, self.task.robots
        state = np.empty(mujoco.mj_stateSize(model, STATE))
        mujoco.mj_getState(model, self.start, state, STATE)
        states = np.tile(state, (robots, 1))
        first, middle, last = 1, 1 + model.nq, 1 + model.nq + model.nv  # after the time
        states[:, middle : middle + 2] += self.task.pushes()
        warm = np.zeros((robots, model.nv))
        for _ in range(self.task.steps):
            q, v = states[:, first:middle], states[:, middle:last]
            readings = np.concatenate([q, v, q[:, self.elbows]], axis=1)
            control = (readings @ weights.T)[:, None]
            after, _ = self.pool.rollout(
                model,
                self.data,
                states,
                control,
                control_spec=mujoco.mjtState.mjSTATE_CTRL,
                skip_checks=False,
                initial_warmstart=warm,
            )
            warm = (after[:, 0, middle:last] - v) / model.opt.timestep
            states = after[:, 0]
        self.height = float(states[:, 3].mean())
        return float(states[:, 1].mean())

    def _value_and_gradient(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient of one robot."""
        model, data = self.model, self._begin()
        count, steps = 2 * model.nv, self.task.steps
        by_state, by_control = np.empty((steps, count, count)), np.empty((steps, count, model.nu))
        readings, by_coordinates, within = [], [], []
        for step in range(steps):
            readings.append(self._readings(data))
            by_coordinates.append(self._coordinates_by_tangent(data.qpos))
            command = weights @ readings[-1]
            limited = model.actuator_ctrllimited.astype(bool)
            low, high = model.actuator_ctrlrange.T
            within.append(~limited | ((command > low) & (command < high)))
            data.ctrl[:] = command
            mujoco.mjd_transitionFD(
                model, data, DIFFERENCE, 0, by_state[step], by_control[step], None, None
            )
            mujoco.mj_step(model, data)
        self.height = float(data.qpos[2])

        gradient = np.zeros_like(weights)
        adjoint = np.zeros(count)
        adjoint[0] = 1.0
        for step in reversed(range(steps)):
            command = (by_control[step].T @ adjoint) * within[step]
            gradient += np.outer(command, readings[step])
            reading = weights.T @ command
            through = reading[: model.nq].copy()
            np.add.at(through, self.elbows, reading[model.nq + model.nv :])
            adjoint = by_state[step].T @ adjoint
            adjoint[: model.nv] += by_coordinates[step].T @ through
            adjoint[model.nv :] += reading[model.nq : model.nq + model.nv]
        return float(data.qpos[0]), gradient

    def _coordinates_by_tangent(self, qpos: np.ndarray) -> np.ndarray:
        """Derivative of the coordinates by small motions, (nq, nv): quaternions turn."""
        model = self.model
        found = np.zeros((model.nq, model.nv))
        for kind, q, v in zip(model.jnt_type, model.jnt_qposadr, model.jnt_dofadr, strict=True):
            if kind == mujoco.mjtJoint.mjJNT_FREE:
                found[q : q + 3, v : v + 3] = np.eye(3)
                q, v = q + 3, v + 3
            if kind in (mujoco.mjtJoint.mjJNT_FREE, mujoco.mjtJoint.mjJNT_BALL):
                w, x, y, z = qpos[q : q + 4]
                found[q : q + 4, v : v + 3] = 0.5 * np.array(
                    [[-x, -y, -z], [w, -z, y], [z, w, -x], [-y, x, w]]
                )
            else:
                found[q, v] = 1.0
        return found
