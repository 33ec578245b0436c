"""The environments that gymnasium knows, by its own checker and as it says."""

from __future__ import annotations

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")

from gymnasium.utils.env_checker import check_env  # noqa: E402

from diffsim.cli.configuration import compose_config  # noqa: E402
from diffsim.environments.gym_adapters import (  # noqa: E402
    GymnasiumEnvironment,
    GymnasiumVectorEnvironment,
)

CHOICES = (
    "experiment=swing_up",
    "robot.motors.drive.command_range=[-2,2]",
    "task.duration=0.05",
    "task.measure_after=0.0",
    "device=cpu",
)


def test_one_robot_passes_gymnasiums_checker(recwarn: pytest.WarningsRecorder) -> None:
    environment = GymnasiumEnvironment(compose_config(*CHOICES))
    check_env(environment, skip_render_check=True)
    told = [str(warning.message) for warning in recwarn if "gym" in str(warning.message).lower()]
    # Readings have no bounds; that is all that it remarks.
    assert all("infinity" in text or "spec" in text.lower() for text in told), told
    environment.reset(seed=1)
    over = [environment.step(environment.action_space.sample())[3] for _ in range(5)]
    assert over == [False] * 4 + [True]


def test_step_comes_after_reset() -> None:
    environment = GymnasiumEnvironment(compose_config(*CHOICES))
    with pytest.raises(gymnasium.error.ResetNeeded):
        environment.step(np.zeros(1, np.float32))


def test_robots_side_by_side_are_a_vector() -> None:
    vector = GymnasiumVectorEnvironment(compose_config(*CHOICES), num_envs=8)
    first, info = vector.reset(seed=3)
    assert first in vector.observation_space
    assert set(info) == {"mean_distance", "end_distance", "worst_distance"}
    again, _ = vector.reset(seed=3)
    np.testing.assert_array_equal(first, again)
    assert len({*map(tuple, first)}) == 8
    vector.action_space.seed(0)
    for number in range(5):
        actions = vector.action_space.sample()
        observations, rewards, terminated, truncated, info = vector.step(actions)
        assert observations in vector.observation_space
        assert rewards.shape == terminated.shape == truncated.shape == (8,)
        assert not terminated.any()
        assert truncated.all() == (number == 4)
        assert ("final_obs" in info) == (number == 4)
    assert info["_final_obs"].all()
    assert info["final_obs"][0].shape == (5,)
    assert not np.allclose(np.stack(info["final_obs"]), observations)
    vector.close()
