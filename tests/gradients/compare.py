"""The Jacobian of a simulation by reverse mode, forward mode and central differences."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

from diffsim.simulate.step import step
from diffsim.world.world import Control, State, World
from tests.worlds import SOLVER, last, simulate

# Perturbation of an input, in units of its scale. Central differences err by about h² (1e-11)
# from the third derivative and by eps/h (1e-10) of the row's scale from round-off.
DIFFERENCE = 3e-6

# An entry below this share of the output's scale is compared with that share instead of itself:
# there the round-off of the differences is 1e-7, and hides what is smaller.
SMALLEST_SHARE = 1e-3

# What an input changes by when it changes a lot, for the leaves of world, state and control.
SCALES = {
    "mass": 1.0,
    "inertia": 0.01,
    "sizes": 0.1,
    "thickness": 0.1,
    "friction": 0.5,
    "restitution": 0.5,
    "frequency": 30.0,
    "damping_ratio": 1.0,
    "least_stiffness": 1e4,
    "stiffness": 1e4,
    "damping": 100.0,
    "axis_local": 1.0,
    "limit": 1.0,
    "gravity": 10.0,
    "timestep": 0.01,
    "pose.position": 0.1,
    "pose.rotation": 1.0,
    "twist.linear": 1.0,
    "twist.angular": 10.0,
    "contact": 1.0,
    "joint": 1.0,
    "motor": 1.0,
    "time": 1.0,
    "time_excess": 1.0,
    "angles": 1.0,
    "command": 10.0,
    "acceleration.linear": 100.0,
    "acceleration.angular": 1000.0,
    "parts.pose.position": 0.1,
    "parts.pose.rotation": 1.0,
    "point_local": 0.1,
    "geoms.pose.position": 0.1,
    "geoms.pose.rotation": 1.0,
    "parent_frame.position": 0.1,
    "child_frame.position": 0.1,
    "parent_frame.rotation": 1.0,
    "child_frame.rotation": 1.0,
    "parameters": 0.05,
    "gain": 10.0,
    "max_force": 10.0,
    "max_velocity": 1.0,
    "lowest_command": 1.0,
    "highest_command": 1.0,
    "lower": 1.0,
    "upper": 1.0,
}


def differentiable(state: State) -> State:
    """The state without its bookkeeping of turns and rounding, which has no derivative."""
    return state._replace(
        angles=jax.tree.map(jax.numpy.zeros_like, state.angles),
        time_excess=jax.numpy.zeros_like(state.time_excess),
    )


class Scene(NamedTuple):
    """The inputs of a simulation: every number in it is differentiated."""

    world: World
    state: State
    control: Control


class Jacobians(NamedTuple):
    """The final state and its Jacobian by three methods, in units of ``SCALES``.

    Attributes:
        inputs: the leaf of the scene that each column stands for.
        state: at the end.
        scale: of each output, ``SCALES`` or its value where that is larger, shape (outputs,).
        reverse, forward, differences: shape (outputs, inputs).
    """

    inputs: tuple[str, ...]
    state: State
    scale: np.ndarray
    reverse: np.ndarray
    forward: np.ndarray
    differences: np.ndarray


@partial(jax.jit, static_argnames="steps")
def final_state(scene: Scene, steps: int = 1) -> State:
    """The state after some time steps: by ``step`` itself for a single one."""
    if steps == 1:
        return differentiable(step(scene.world, SOLVER, scene.state, scene.control))
    states = simulate(scene.world, scene.state, scene.control.command, steps=steps)
    return differentiable(last(states))


@partial(jax.jit, static_argnames="steps")
def forward(scene: Scene, tangent: Scene, steps: int = 1) -> State:
    """J times a change of the inputs."""
    return jax.jvp(lambda inputs: final_state(inputs, steps), (scene,), (tangent,))[1]


@partial(jax.jit, static_argnames="steps")
def reverse(scene: Scene, cotangent: State, steps: int = 1) -> Scene:
    """Jᵀ times a weighting of the final state."""
    return jax.vjp(lambda inputs: final_state(inputs, steps), scene)[1](cotangent)[0]


def jacobians(scene: Scene, steps: int = 1) -> Jacobians:
    """Compare them with ``disagreement``."""
    state = final_state(scene, steps)
    flat, unflatten = ravel_pytree(scene)
    values = _flatten(state)
    inputs = leaf_names(scene)
    scale = np.array([SCALES[name] for name in inputs])
    columns, rows = np.eye(flat.size), np.eye(values.size)

    def shifted(direction: np.ndarray) -> np.ndarray:
        return _flatten(final_state(unflatten(flat + DIFFERENCE * scale * direction), steps))

    def row_in_reverse(row: np.ndarray) -> np.ndarray:
        return _flatten(reverse(scene, ravel_pytree(state)[1](row), steps)) * scale

    def column_forward(column: np.ndarray) -> np.ndarray:
        return _flatten(forward(scene, unflatten(column * scale), steps))

    def difference(column: np.ndarray) -> np.ndarray:
        return (shifted(column) - shifted(-column)) / (2.0 * DIFFERENCE)

    return Jacobians(
        inputs=inputs,
        state=state,
        scale=np.maximum(np.abs(values), [SCALES[name] for name in leaf_names(state)]),
        reverse=np.stack([row_in_reverse(row) for row in rows]),
        forward=np.stack([column_forward(column) for column in columns], axis=1),
        differences=np.stack([difference(column) for column in columns], axis=1),
    )


def disagreement(a: np.ndarray, b: np.ndarray, scale: np.ndarray) -> float:
    """Largest relative difference of two Jacobians' entries; see ``SMALLEST_SHARE``."""
    size = np.maximum(np.abs(b), SMALLEST_SHARE * scale[:, None])
    return float(np.max(np.abs(a - b) / size))


def leaf_names(tree: Scene | State) -> tuple[str, ...]:
    """For each number of the flattened tree, the leaf in ``SCALES`` that it belongs to."""
    names: list[str] = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        keys = [key.name for key in path if isinstance(key, jax.tree_util.GetAttrKey)]
        place = ".".join(["", *keys, ""])
        found = [name for name in SCALES if f".{name}." in place]
        names += [max(found, key=len)] * leaf.size
    return tuple(names)


def _flatten(tree: Any) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])
