"""Gradients of robots against central differences, for many scenes at once.

``compare.jacobians`` compiles whole simulations in three modes: good for small worlds. The reverse
pass of a robot takes long to compile. So here only one step and its reverse pass are compiled, each
once for all robots of one structure, and with many lanes: scenes, or weightings of a state. What
takes more steps is put together from these as the chain rule says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from diffsim.simulate.step import step
from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel
from diffsim.world.world import Control, State
from tests.gradients.compare import (
    SCALES,
    SMALLEST_SHARE,
    Scene,
    differentiable,
    leaf_names,
)
from tests.worlds import SOLVER

# Perturbation of an input, in units of its scale. The differences err by h⁴ (1e-20) from the fifth
# derivative and by eps/h (2e-11) of the row's scale from round-off.
DIFFERENCE = 1e-5
# Where a switch lies within these, as the differences of a small and a wide perturbation show, the
# perturbation is a share of that, and the differences are as much rougher.
SHARE = 0.01
# Relative disagreement with the reverse mode that is looked into, and of both perturbations that
# tells of a switch: more than the round-off of the smaller one.
DOUBTFUL, SWITCHED = 1e-6, 2e-6
# Over many steps: there are more switches to come across, and less accuracy is asked for.
DIFFERENCE_OF_MANY = 1e-6

# Scenes, or weightings of a state, that one call of a compiled function works on.
LANES = 256

# Most of the time goes into compiling: LLVM need not optimise what runs for milliseconds, and XLA's
# older way of emitting its kernels takes a third less.
QUICKLY = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


class Comparison(NamedTuple):
    """A Jacobian by two methods, in units of ``SCALES``.

    Attributes:
        inputs, outputs: paths of the numbers in the scene and in the final state.
        scale: of each output, shape (outputs,).
        reverse, differences: shape (outputs, inputs).
        switched: where the differences are those of ``SHARE`` of the perturbation.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    scale: np.ndarray
    reverse: np.ndarray
    differences: np.ndarray
    switched: np.ndarray


@partial(jax.jit, static_argnames="solver", compiler_options=QUICKLY)
def step_lanes(scenes: Scene, solver: ProjectedGaussSeidel = SOLVER) -> State:
    """One step of ``LANES`` scenes."""
    return jax.vmap(partial(_one_step, solver=solver))(scenes)


@partial(jax.jit, static_argnames="solver", compiler_options=QUICKLY)
def pull_lanes(scenes: Scene, cotangents: State, solver: ProjectedGaussSeidel = SOLVER) -> Scene:
    """The gradients of ``LANES`` weightings of the state after one step, each of its own scene."""

    def pull(scene: Scene, cotangent: State) -> Scene:
        return jax.vjp(partial(_one_step, solver=solver), scene)[1](cotangent)[0]

    return jax.vmap(pull)(scenes, cotangents)


def _one_step(scene: Scene, solver: ProjectedGaussSeidel) -> State:
    return step(scene.world, solver, scene.state, scene.control)


def in_lanes(function: Callable[..., Any], *trees: Any) -> Any:
    """``function`` of any number of lanes, ``LANES`` at a time; spare lanes repeat the last one."""
    count = jax.tree.leaves(trees)[0].shape[0]
    parts = []
    for first in range(0, count, LANES):
        lanes = np.minimum(np.arange(first, first + LANES), count - 1)
        result = function(*jax.tree.map(lambda leaf, k=lanes: np.asarray(leaf)[k], trees))
        kept = min(LANES, count - first)
        parts.append(jax.tree.map(lambda leaf, n=kept: np.asarray(leaf)[:n], result))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def repeat(tree: Any, lanes: int) -> Any:
    """The same in every lane."""
    return jax.tree.map(lambda leaf: np.broadcast_to(leaf, (lanes, *np.shape(leaf))), tree)


def flatten_lanes(trees: Any) -> np.ndarray:
    """All numbers of each lane, shape (lanes, numbers)."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(trees)]
    return np.concatenate([leaf.reshape(leaf.shape[0], -1) for leaf in leaves], axis=1)


def unflatten_lanes(flat: np.ndarray, like: Any) -> Any:
    """Lanes of trees that are like one, from their numbers."""
    leaves, structure = jax.tree.flatten(like)
    ends = np.cumsum([np.size(leaf) for leaf in leaves])
    parts = np.split(flat, ends[:-1], axis=1)
    shaped = [
        part.reshape(len(flat), *np.shape(leaf)) for part, leaf in zip(parts, leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, shaped)


def path_names(tree: Any) -> tuple[str, ...]:
    """Place of each number of the flattened tree, as ".state.twist.linear.x[2]"."""
    names: list[str] = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        name = jax.tree_util.keystr(path)
        names += [f"{name}[{k}]" for k in range(np.size(leaf))]
    return tuple(names)


def trajectory(
    scene: Scene, commands: np.ndarray, solver: ProjectedGaussSeidel = SOLVER
) -> list[Scene]:
    """The scenes of all steps under commands (steps, commands), and that after the last one."""
    scenes = []
    for command in commands:
        scenes.append(scene._replace(control=Control(command)))
        after = in_lanes(partial(step_lanes, solver=solver), repeat(scenes[-1], 1))
        scene = scene._replace(state=jax.tree.map(lambda leaf: leaf[0], after))
    return [*scenes, scene]


def finals(scenes: Scene, commands: np.ndarray, solver: ProjectedGaussSeidel = SOLVER) -> State:
    """The final states of many scenes under commands (lanes, steps, commands)."""

    def run(scenes: Scene, commands: np.ndarray) -> State:
        for k in range(commands.shape[1]):
            scenes = scenes._replace(control=Control(commands[:, k]))
            scenes = scenes._replace(state=step_lanes(scenes, solver=solver))
        return scenes.state

    return in_lanes(run, scenes, commands)


def pull_back(
    scenes: list[Scene], cotangents: State, solver: ProjectedGaussSeidel = SOLVER
) -> tuple[Scene, np.ndarray]:
    """Gradients of weightings of a trajectory's last state.

    Returns:
        those with respect to the world and the first state (and the last step's control), and
        those with respect to all commands, shape (lanes, steps, commands).
    """

    def run(cotangents: State) -> tuple[Scene, np.ndarray]:
        commands = []
        total: Any = None
        for scene in reversed(scenes[:-1]):
            gradient = pull_lanes(repeat(scene, LANES), cotangents, solver=solver)
            cotangents = gradient.state
            commands.append(np.asarray(gradient.control.command))
            world = gradient.world
            total = world if total is None else jax.tree.map(np.add, total, world)
        pulled = Scene(total, cotangents, Control(commands[0]))
        return pulled, np.stack(commands[::-1], axis=1)

    return in_lanes(run, cotangents)


def differences(
    function: Callable[[np.ndarray], np.ndarray],
    center: np.ndarray,
    scale: np.ndarray,
    size: float = DIFFERENCE,
    chosen: Sequence[int] | None = None,
) -> np.ndarray:
    """Central differences of fourth order, in units of the scale, shape (inputs, outputs).

    Args:
        function: of lanes, (lanes, inputs) to (lanes, outputs).
        center: where, shape (inputs,).
        scale: of the inputs, shape (inputs,).
        size: of the perturbations, in units of the scale.
        chosen: numbers of the inputs to look at, all if not given.
    """
    moves = size * np.diag(scale)
    if chosen is not None:
        moves = moves[chosen]
    lanes = [center + factor * moves for factor in (1.0, -1.0, 2.0, -2.0)]
    up, down, far_up, far_down = np.split(function(np.concatenate(lanes)), 4)
    return (8.0 * (up - down) - (far_up - far_down)) / (12.0 * size)


def jacobian_in_lanes(
    scene: Scene, steps: int = 1, solver: ProjectedGaussSeidel = SOLVER
) -> Comparison:
    """Compare them with ``disagreement`` or ``worst``. The control is the same in all steps."""
    command = np.asarray(scene.control.command)
    scenes = trajectory(scene, np.tile(command, (steps, 1)), solver)
    final = scenes[-1].state
    values = flatten_lanes(repeat(final, 1))[0]
    pulled, commands = pull_back(scenes, unflatten_lanes(np.eye(values.size), final), solver)
    pulled = pulled._replace(control=Control(commands.sum(axis=1)))

    scale = np.array([SCALES[name] for name in leaf_names(scene)])

    def ends(flat: np.ndarray) -> np.ndarray:
        scenes = unflatten_lanes(flat, scene)
        held = np.repeat(np.asarray(scenes.control.command)[:, None], steps, axis=1)
        return flatten_lanes(differentiable(finals(scenes, held, solver)))

    center = flatten_lanes(repeat(scene, 1))[0]
    size = DIFFERENCE if steps == 1 else DIFFERENCE_OF_MANY
    found = differences(ends, center, scale, size).T
    output_scale = np.maximum(np.abs(values), [SCALES[name] for name in leaf_names(final)])
    reverse = flatten_lanes(pulled) * scale
    least = SMALLEST_SHARE * output_scale[:, None]
    switched = np.zeros_like(found, bool)
    doubtful = np.abs(found - reverse) > DOUBTFUL * np.maximum(np.abs(found), least)
    columns = np.flatnonzero(doubtful.any(axis=0))
    if steps == 1 and len(columns):
        narrow = differences(ends, center, scale, SHARE * size, columns.tolist()).T
        wide = found[:, columns]
        switched[:, columns] = np.abs(narrow - wide) > SWITCHED * np.maximum(np.abs(narrow), least)
        found[:, columns] = np.where(switched[:, columns], narrow, wide)
    return Comparison(
        inputs=path_names(scene),
        outputs=path_names(final),
        scale=output_scale,
        reverse=reverse,
        differences=found,
        switched=switched,
    )


def worst(
    result: Comparison, tolerance: float, ignored: Sequence[str] = (), count: int = 5
) -> list[str]:
    """The entries that disagree by more than the tolerance, worst first; see ``disagreement``.

    Args:
        result: to be looked at.
        tolerance: relative, or relative to ``SMALLEST_SHARE`` of the output's scale.
        ignored: inputs that are left out.
        count: how many to name.
    """
    size = np.maximum(np.abs(result.differences), SMALLEST_SHARE * result.scale[:, None])
    error = np.abs(result.reverse - result.differences) / size
    error = np.where(result.switched, SHARE * error, error)
    error = np.where(np.isfinite(error), error, np.inf)
    error[:, [name in ignored for name in result.inputs]] = 0.0
    order = np.argsort(-error, axis=None)[:count]
    return [
        f"d({result.outputs[i]}) / d({result.inputs[j]}): {result.reverse[i, j]:.9g}, "
        f"differences {result.differences[i, j]:.9g}, off by {error[i, j]:.1e}"
        for i, j in zip(*np.unravel_index(order, error.shape), strict=True)
        if error[i, j] > tolerance
    ]
