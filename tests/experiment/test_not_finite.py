"""A number that is not finite is never a success and never a best point, wherever it comes from."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

from diffsim.cli.configuration import compose_config
from diffsim.experiment import scenario as module
from diffsim.experiment.config import RunConfig
from diffsim.experiment.divergence import DivergedError
from diffsim.experiment.experiment import Experiment
from diffsim.experiment.runner import run
from diffsim.experiment.simulation import make_world
from diffsim.math.vectors import Vec3
from diffsim.runs.folder import RunFolder
from diffsim.world.world import State, World

OVERWRITTEN = "acceleration"
"""The part of a state that the first step writes anew without reading it."""


def throw(*overrides: str) -> RunConfig:
    """The ball already lies where it is to be thrown: without the nan the goal is met."""
    return compose_config(
        "robot=ball",
        "robot.bodies.ball.position=[10,0,0.4997239]",
        "task.duration=0.05",
        "optimizer.iterations=3",
        "device=cpu",
        *overrides,
    )


def swing(*overrides: str) -> RunConfig:
    return compose_config(
        "experiment=pendulum_state",
        "task.duration=0.1",
        "task.measure_after=0.05",
        "task.tolerance=100",
        "optimizer.iterations=2",
        "device=cpu",
        *overrides,
    )


def paths(config: RunConfig) -> list[str]:
    state = _start(config)
    return [
        jax.tree_util.keystr(path)
        for path, leaf in jax.tree_util.tree_leaves_with_path(state)
        if leaf.size and OVERWRITTEN not in jax.tree_util.keystr(path)
    ]


def _start(config: RunConfig) -> State:
    world = make_world(config.robot, config.simulation, config.solver)
    return module.initial_state(config.robot, world)


def plant(monkeypatch: pytest.MonkeyPatch, place: str, value: float = np.nan) -> None:
    """Let every episode begin with this number in one part of the state."""
    whole = module.initial_state

    def broken(*arguments: Any) -> State:
        leaves, structure = jax.tree_util.tree_flatten_with_path(whole(*arguments))
        planted = [
            leaf.at[(0,) * leaf.ndim].set(value) if jax.tree_util.keystr(path) == place else leaf
            for path, leaf in leaves
        ]
        return jax.tree.unflatten(structure, planted)

    monkeypatch.setattr(module, "initial_state", broken)


def test_without_a_nan_the_goal_is_met() -> None:
    found = Experiment(throw()).evaluate(jnp.zeros(6))
    assert Experiment(throw()).task.succeeded({k: float(v) for k, v in found.metrics.items()})


@pytest.mark.parametrize("robot", ["ball", "cartpole"])
def test_a_nan_anywhere_in_a_state_makes_all_figures_nan(
    robot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = throw() if robot == "ball" else swing("batch=1", "validation.every=0")
    places = paths(config)
    assert len(places) > 20
    experiment = Experiment(config)
    whole = experiment.scenario.begin

    def figures(number: jax.Array) -> Any:
        """Loss and metrics of an episode with a nan in the place of this number; none if -1."""

        def broken(*arguments: Any) -> tuple[World, State]:
            world, state = whole(*arguments)
            leaves, structure = jax.tree_util.tree_flatten_with_path(state)
            planted = []
            for path, leaf in leaves:
                name = jax.tree_util.keystr(path)
                if name in places:
                    here = number == places.index(name)
                    leaf = leaf.at[(0,) * leaf.ndim].add(jnp.where(here, jnp.nan, 0.0))
                planted.append(leaf)
            return world, jax.tree.unflatten(structure, planted)

        with monkeypatch.context() as patch:
            patch.setattr(experiment.scenario, "begin", broken)
            found = experiment.evaluate(jnp.asarray(experiment.initial), jax.random.key(0))
        return {"loss": found.loss, **found.metrics}

    found = jax.jit(jax.vmap(figures))(jnp.arange(-1, len(places)))
    for name, values in found.items():
        assert np.isfinite(values[0]), name
        seen = dict(zip(places, np.isnan(values[1:]).tolist(), strict=True))
        assert all(seen.values()), (name, [place for place in places if not seen[place]])
    assert not experiment.task.succeeded({name: float(v[1]) for name, v in found.items()})


@pytest.mark.parametrize("optimizer", ["adam", "cmaes", "lm"])
@pytest.mark.parametrize("value", [np.nan, pytest.param(np.inf, marks=pytest.mark.slow)])
def test_a_run_ends_as_diverged_and_has_no_best_point(
    optimizer: str, value: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    plant(monkeypatch, ".pose.position.x", value)
    more = ("optimizer.max_skipped=2",) if optimizer == "adam" else ()
    with pytest.raises(DivergedError):
        run(throw(f"optimizer={optimizer}", *more), tmp_path, Console(quiet=True))
    status = RunFolder(tmp_path).status()
    assert status is not None
    assert status.status == "diverged"
    assert not (tmp_path / "result.json").exists()


def test_one_episode_of_a_batch_is_seen_in_its_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """And only its own figures are nan."""
    experiment = Experiment(swing("batch=4"))
    draw = experiment.draw

    def one_broken(key: jax.Array, count: int, training: bool = False) -> Any:
        drawn = draw(key, count, training)
        return drawn._replace(
            start=drawn.start._replace(even=drawn.start.even.at[0, 0, 2].set(np.nan))
        )

    monkeypatch.setattr(experiment, "draw", one_broken)
    x, key = jnp.asarray(experiment.initial), jax.random.key(0)
    each = experiment.each(x, key, 4)
    assert np.isnan(np.asarray(each.loss)).tolist() == [False, False, True, False]
    (value, metrics), gradient = jax.value_and_grad(
        lambda x: (lambda found: (found.loss, found.metrics))(experiment.evaluate(x, key)),
        has_aux=True,
    )(x)
    assert np.isnan(float(value))
    assert all(np.isnan(float(metric)) for metric in metrics.values())
    assert not np.all(np.isfinite(gradient))


def test_lengths_do_not_hide_a_nan() -> None:
    for place in range(3):
        components = [jnp.asarray(3.0), jnp.asarray(0.0), jnp.asarray(4.0)]
        assert float(Vec3(*components).length()) == 5.0
        components[place] = jnp.asarray(np.nan)
        assert np.isnan(float(Vec3(*components).length()))
    zero = Vec3(*(jnp.zeros(()) for _ in range(3)))
    assert float(zero.length()) == 0.0
    assert [float(part) for part in jax.grad(lambda vector: vector.length())(zero)] == [0.0] * 3
