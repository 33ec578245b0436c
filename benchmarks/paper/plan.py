"""Plan of the paper's experiments: what is run, and how much of it at each scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from diffsim.cli.jobs import Chain, Job, as_value


@dataclass(frozen=True)
class Scale:
    """Amount of everything that is run.

    Attributes:
        about: in words, for the report.
        judged: whether its figures are to be compared with the paper's.
        seeds: of each training that is repeated, how many; others have one.
        starts: of the ball's methods, how many besides the one from zero.
        table1: the cells of Table 1, forward and with the gradient: robots at once, controller.
        limits: of the gait's motors besides the preset's [N·m].
        pushes: speeds that the pendulum's end is suddenly given every five seconds [m/s].
        shorter: overrides for every training of a preset, where it is not to be whole.
        evaluation: overrides for every evaluation.
        bench: overrides for Table 1.
        at_once: most jobs at once; as many as there are cores if None.
        device: of trainings whose batch a GPU is made for, and of Table 1.
    """

    about: str
    seeds: Mapping[str, int]
    starts: int
    table1: tuple[tuple[int, str], ...] = (
        (1, "linear"),
        (1, "dense"),
        (128, "linear"),
        (128, "dense"),
    )
    limits: tuple[float, ...] = (40.0, 30.0, 4.0)
    pushes: tuple[float, ...] = (0.0, 0.5, 1.0)
    shorter: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    evaluation: tuple[str, ...] = ()
    bench: tuple[str, ...] = ()
    at_once: int | None = None
    device: str = "cpu"
    judged: bool = True


SHORT = ("optimizer.iterations=2",)
SHORT_BATCH = (*SHORT, "batch=2", "validation.every=1", "validation.episodes=2")
SCALES = {
    "smoke": Scale(
        about="two iterations of everything: shows that all of it runs, its figures mean nothing",
        seeds={},
        starts=1,
        table1=((1, "linear"),),
        limits=(),
        pushes=(0.0,),
        shorter={
            "ball_adam": SHORT,
            "ball_lm": SHORT,
            "ball_cmaes": SHORT,
            "arm_fixed": SHORT,
            "arm_fixed_cmaes": SHORT,
            "arm_random": SHORT_BATCH,
            "arm_random_cmaes": SHORT_BATCH,
            "quadruped_gait": SHORT,
            "quadruped_gait_cmaes": SHORT,
            "pendulum_state": SHORT_BATCH,
            "pendulum_camera": SHORT_BATCH,
        },
        evaluation=("episodes=2",),
        bench=("bench.steps=20", "bench.repeats=1"),
        judged=False,
    ),
    "cpu": Scale(
        about="an honest full run on two cores",
        seeds={
            "ball_cmaes": 10,
            "arm_fixed": 5,
            "arm_fixed_cmaes": 2,
            "arm_random": 2,
            "quadruped_gait": 5,
            "quadruped_gait_cmaes": 3,
            "quadruped_gait_limited": 3,
            "pendulum_state": 5,
            "pendulum_camera": 3,
        },
        starts=10,
    ),
    "gpu": Scale(
        about="five seeds of everything; what has a batch on the GPU, single episodes on the CPU",
        seeds={
            "ball_cmaes": 10,
            "arm_fixed": 5,
            "arm_fixed_cmaes": 5,
            "arm_random": 5,
            "arm_random_cmaes": 3,
            "quadruped_gait": 5,
            "quadruped_gait_cmaes": 5,
            "quadruped_gait_limited": 5,
            "pendulum_state": 5,
            "pendulum_camera": 5,
        },
        starts=10,
        limits=(40.0, 30.0, 20.0, 10.0, 4.0),
        at_once=4,
        device="gpu",
    ),
}

EXPECTED_S = {
    "ball_adam": 10.0,
    "ball_lm": 20.0,
    "ball_cmaes": 7.0,
    "arm_fixed": 30.0,
    "arm_fixed_cmaes": 240.0,
    "arm_random": 3000.0,
    "arm_random_cmaes": 330.0,
    "quadruped_gait": 110.0,
    "quadruped_gait_cmaes": 40.0,
    "pendulum_state": 50.0,
    "pendulum_camera": 660.0,
}
"""Of a whole training, from a run of the scale "cpu" [s]."""

# Standard deviations of the ball's starts near zero [m/s], [rad/s].
VELOCITY_SPREAD, SPIN_SPREAD = 0.3, 0.6
CMAES_EVALUATIONS = 60_000
"""That the paper gives CMA-ES for the arm's fixed point."""
FINER_DT = 0.0025
"""A quarter of the gait's time step [s]."""
MINUTE = ("+change.task.duration=70", "+change.task.measure_after=10")
"""Up from the tenth second on, for a minute."""


def plan(scale: Scale, folder: Path) -> list[Chain]:
    """All that is run at a scale, what must be alone first, then the longest first."""
    found = [
        *_table1(scale, folder),
        *_ball(scale, folder),
        *_arm(scale, folder),
        *_gait(scale, folder),
        *_pendulum(scale, folder),
    ]
    return sorted(found, key=lambda chain: (not chain.alone, -chain.expected_s))


def _table1(scale: Scale, folder: Path) -> Iterator[Chain]:
    for robots, controller in scale.table1:
        name = f"table1_{robots}_{controller}"
        overrides = (
            f"bench.robots=[{robots}]",
            f"bench.controllers=[{controller}]",
            f"device={scale.device}",
            *scale.bench,
        )
        job = Job(name, "diffsim-bench", overrides, folder / name, 75.0)
        yield Chain((job,), alone=not scale.bench)


def _ball(scale: Scale, folder: Path) -> Iterator[Chain]:
    generator = np.random.default_rng(0)
    starts: list[tuple[str, ...]] = [()]
    for _ in range(scale.starts):
        velocity = generator.normal(0.0, VELOCITY_SPREAD, 3).round(4).tolist()
        spin = generator.normal(0.0, SPIN_SPREAD, 3).round(4).tolist()
        starts.append(
            (
                f"robot.bodies.ball.velocity={velocity}".replace(" ", ""),
                f"robot.bodies.ball.angular_velocity={spin}".replace(" ", ""),
            )
        )
    for preset in ("ball_adam", "ball_lm"):
        for number, start in enumerate(starts):
            yield Chain((_training(scale, folder, preset, number, *start, seeded=False),))
    for seed in range(scale.seeds.get("ball_cmaes", 1)):
        yield Chain((_training(scale, folder, "ball_cmaes", seed),))


def _arm(scale: Scale, folder: Path) -> Iterator[Chain]:
    for seed in range(scale.seeds.get("arm_fixed", 1)):
        yield Chain((_training(scale, folder, "arm_fixed", seed, "stop_on_success=false"),))
    population = 10  # of the preset
    for seed in range(scale.seeds.get("arm_fixed_cmaes", 1)):
        longer = f"optimizer.iterations={CMAES_EVALUATIONS // population}"
        whole = (longer, "stop_on_success=false")
        yield Chain((_training(scale, folder, "arm_fixed_cmaes", seed, *whole),))
    for preset in ("arm_random", "arm_random_cmaes"):
        for seed in range(scale.seeds.get(preset, 1)):
            whole = ("stop_on_success=false", f"device={scale.device}")
            training = _training(scale, folder, preset, seed, *whole)
            fresh = _evaluation(scale, training, "fresh", 30.0, "episodes=1000")
            yield Chain((training, fresh))


def _gait(scale: Scale, folder: Path) -> Iterator[Chain]:
    for seed in range(scale.seeds.get("quadruped_gait", 1)):
        training = _training(scale, folder, "quadruped_gait", seed)
        own = _evaluation(scale, training, "own", 20.0)
        finer = _evaluation(scale, training, "finer", 20.0, f"dt={FINER_DT}")
        yield Chain((training, own, finer))
    for limit in scale.limits:
        for seed in range(scale.seeds.get("quadruped_gait_limited", 1)):
            weaker = f"robot.max_force={limit}"
            part = f"quadruped_gait_{limit:g}Nm"
            yield Chain((_training(scale, folder, "quadruped_gait", seed, weaker, part=part),))
    for seed in range(scale.seeds.get("quadruped_gait_cmaes", 1)):
        yield Chain((_training(scale, folder, "quadruped_gait_cmaes", seed),))


def _pendulum(scale: Scale, folder: Path) -> Iterator[Chain]:
    for preset in ("pendulum_state", "pendulum_camera"):
        for seed in range(scale.seeds.get(preset, 1)):
            device = scale.device if preset == "pendulum_camera" else "cpu"
            training = _training(scale, folder, preset, seed, f"device={device}")
            tries = [
                _evaluation(
                    scale,
                    training,
                    f"push_{push:g}",
                    40.0,
                    "episodes=20",
                    *MINUTE,
                    f"+change.task.push.speed={push}",
                    "+change.task.push.every=5.0",
                )
                for push in scale.pushes
            ]
            film = _evaluation(scale, training, "film", 15.0, "episodes=1", "render=true")
            yield Chain((training, *tries, film))


def _training(
    scale: Scale,
    folder: Path,
    preset: str,
    number: int,
    *overrides: str,
    part: str | None = None,
    seeded: bool = True,
) -> Job:
    """A training by a preset; ``number`` is its seed, or else that of its start."""
    name = f"{part or preset}_{number}"
    asked = (f"experiment={preset}", *((f"seed={number}",) if seeded else ()), *overrides)
    if not any(override.startswith("device=") for override in overrides):
        asked = (*asked, "device=cpu")
    shorter = scale.shorter.get(preset, ())
    expected = 10.0 if shorter else EXPECTED_S[preset]
    return Job(name, "diffsim-run", (*asked, *shorter), folder / name, expected)


def _evaluation(scale: Scale, training: Job, what: str, expected_s: float, *overrides: str) -> Job:
    """An evaluation of a training's best, in a folder within that of the training."""
    folder = training.folder / "evaluations" / what
    asked = (f"run={as_value(training.folder)}", "device=cpu", *overrides, *scale.evaluation)
    return Job(f"{training.name}_{what}", "diffsim-eval", asked, folder, expected_s)
