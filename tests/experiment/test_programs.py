"""What is compiled does not depend on the numbers of a config."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jax
import jax.monitoring
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from diffsim.cli.configuration import compose_config
from diffsim.experiment.experiment import Experiment
from diffsim.programs import Program, depends
from tests.kinds import make_optimizer

MISS = "/jax/compilation_cache/cache_misses"
# On the ground, where most numbers tell.
SHORT = (
    *("robot=ball", "robot.bodies.ball.position=[0.0,0.0,0.499]", "task.duration=0.05"),
    *("robot.bodies.ball.velocity=[1.0,0.0,-2.0]", "optimizer.iterations=5"),
)
# Everything but the structure and the number of time steps.
NUMBERS = [
    "robot.friction=0.3",
    "robot.restitution=0.2",
    "robot.bodies.ball.mass=3.0",
    "robot.contact_frequency=20.0",
    "simulation.gravity=[0.0,0.1,-5.0]",
    "simulation.dt=0.0101",
    "optimizer.iterations=7",
    "seed=3",
]


@pytest.fixture
def misses(tmp_path: Path) -> Iterator[list[str]]:
    """Programs that were compiled, as they come, and not found in an empty cache of the test's."""
    found: list[str] = []
    before = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    least = jax.config.jax_persistent_cache_min_compile_time_secs  # type: ignore[attr-defined]
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    compilation_cache.reset_cache()

    def listen(event: str, **_: object) -> None:
        if event == MISS:
            found.append(event)

    jax.monitoring.register_event_listener(listen)
    yield found
    jax.monitoring.unregister_event_listener(listen)
    jax.config.update("jax_compilation_cache_dir", before)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", least)
    compilation_cache.reset_cache()


def two_iterations(*overrides: str) -> float:
    config = compose_config(*SHORT, *overrides)
    optimizer = make_optimizer(config.optimizer, Experiment(config), config.seed)
    state = optimizer.init()
    for _ in range(2):
        state, report = optimizer.step(state)
    return report.loss


@pytest.mark.parametrize(
    ("optimizer", "more"),
    [
        ("cmaes", []),
        pytest.param("adam", ["optimizer.learning_rate=0.5"], marks=pytest.mark.slow),
        pytest.param("lm", [], marks=pytest.mark.slow),
    ],
)
def test_another_number_compiles_nothing(
    optimizer: str, more: list[str], misses: list[str]
) -> None:
    chosen = f"optimizer={optimizer}"
    losses = [two_iterations(chosen)]
    assert misses
    misses.clear()
    losses += [two_iterations(chosen, number) for number in [*NUMBERS, *more]]
    assert misses == []
    assert len(set(losses)) > len(NUMBERS) // 2  # they do tell


def test_another_structure_does(misses: list[str]) -> None:
    two_iterations("optimizer=cmaes")
    misses.clear()
    two_iterations("optimizer=cmaes", "solver.friction=box")
    assert misses


def test_a_program_is_compiled_once_for_each_shape() -> None:
    traced = []

    def function(x: jax.Array) -> jax.Array:
        traced.append(x.shape)
        return {"twice": 2.0 * x + offset}

    offset = np.arange(3.0)
    program = Program(function)
    for x in (np.ones(3), np.zeros(3), np.ones((2, 3)), np.ones(3)):
        np.testing.assert_allclose(program(x)["twice"], 2.0 * x + offset)
    assert traced == [(3,), (2, 3)]


def test_what_depends_on_an_argument_is_known() -> None:
    constant = np.arange(2.0)

    def function(x: jax.Array) -> dict[str, jax.Array]:
        through = jax.jit(lambda y: y * constant)(x)
        return {"x": x, "through": through + 1.0, "constant": jax.numpy.sum(constant), "two": 2.0}

    found = depends(function, np.ones(2))
    assert found == {"x": True, "through": True, "constant": False, "two": False}
