"""How many devices share a batch of robots; that they agree is tested in a process with several
devices (tests/bench/test_bench.py)."""

from __future__ import annotations

import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from diffsim.simulate.sharding import shard_count, share_robots


@pytest.mark.parametrize(
    ("robots", "devices", "shared_among"),
    [(128, 2, 2), (128, 8, 8), (6, 4, 3), (7, 4, 1), (1, 2, 1), (3, 8, 3)],
)
def test_robots_are_shared_evenly_among_as_many_devices_as_possible(robots, devices, shared_among):
    assert shard_count(robots, devices) == shared_among


def test_one_device_computes_the_function_itself():
    def total(scale, robots):
        return jnp.sum(scale * robots)

    robots = jnp.arange(4.0)
    assert share_robots(total, robots, jax.devices()[:1])(2.0, robots) == 12.0


ONCE = """
import jax
jax.config.update("jax_num_cpu_devices", 2)
from diffsim.cli.configuration import compose_config
from diffsim.experiment.experiment import Experiment
from diffsim.optimizers.gradient import GradientDescent
config = compose_config(
    "experiment=swing_up", "batch=4", "task.duration=0.05", "task.measure_after=null", "device=cpu"
)
experiment = Experiment(config)
optimizer = GradientDescent(config.optimizer, experiment, 0)
state = optimizer.init()
for _ in range(3):
    state, _ = optimizer.step(state)
state = optimizer.restore(optimizer.arrays(state))
optimizer.step(state)
print(experiment.sharding.num_devices, optimizer._iterate.compilations)
"""


def test_a_training_on_several_devices_is_compiled_once():
    done = subprocess.run(
        [sys.executable, "-c", ONCE], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.stdout.split() == ["2", "1"], done.stderr
