"""diffsim: a differentiable 3D rigid-body physics engine for robotics, in JAX.

What is listed here is for use from outside, and stays; the rest may change. Importing the package
is cheap: JAX is loaded when one of these names is first used.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffsim.camera.camera import Camera as Camera
    from diffsim.cli.configuration import compose_config as compose_config
    from diffsim.environments.environment import Environment as Environment
    from diffsim.experiment.experiment import Experiment as Experiment
    from diffsim.experiment.train import train as train
    from diffsim.math.spatial import Pose as Pose
    from diffsim.math.spatial import Twist as Twist
    from diffsim.math.vectors import Vec3 as Vec3
    from diffsim.robots.build import build_simulator as build_simulator
    from diffsim.robots.build import build_world as build_world
    from diffsim.robots.build import init as init
    from diffsim.robots.build import initial_state as initial_state
    from diffsim.robots.config import BodyConfig as BodyConfig
    from diffsim.robots.config import RobotConfig as RobotConfig
    from diffsim.robots.load import load_robot as load_robot
    from diffsim.robots.replace import replace as replace
    from diffsim.sensors.sensors import Sensors as Sensors
    from diffsim.simulate.batch import side_by_side as side_by_side
    from diffsim.simulate.rollout import Policy as Policy
    from diffsim.simulate.rollout import Reverse as Reverse
    from diffsim.simulate.rollout import hold as hold
    from diffsim.simulate.rollout import rollout as rollout
    from diffsim.simulate.simulator import Engine as Engine
    from diffsim.simulate.simulator import Simulator as Simulator
    from diffsim.simulate.step import step as step
    from diffsim.solvers.projected_gauss_seidel import ProjectedGaussSeidel as ProjectedGaussSeidel
    from diffsim.world.world import Control as Control
    from diffsim.world.world import State as State
    from diffsim.world.world import World as World
    from diffsim.world.world import command_count as command_count
    from diffsim.world.world import idle_control as idle_control

__version__ = "0.1.0"

_PLACES = {
    "BodyConfig": "robots.config",
    "Camera": "camera.camera",
    "Control": "world.world",
    "Engine": "simulate.simulator",
    "Environment": "environments.environment",
    "Experiment": "experiment.experiment",
    "Policy": "simulate.rollout",
    "Pose": "math.spatial",
    "ProjectedGaussSeidel": "solvers.projected_gauss_seidel",
    "Reverse": "simulate.rollout",
    "RobotConfig": "robots.config",
    "Sensors": "sensors.sensors",
    "Simulator": "simulate.simulator",
    "State": "world.world",
    "Twist": "math.spatial",
    "Vec3": "math.vectors",
    "World": "world.world",
    "build_simulator": "robots.build",
    "build_world": "robots.build",
    "command_count": "world.world",
    "compose_config": "cli.configuration",
    "hold": "simulate.rollout",
    "idle_control": "world.world",
    "init": "robots.build",
    "initial_state": "robots.build",
    "load_robot": "robots.load",
    "replace": "robots.replace",
    "rollout": "simulate.rollout",
    "side_by_side": "simulate.batch",
    "step": "simulate.step",
    "train": "experiment.train",
}
"""Every public name, and the module that has it."""

__all__ = [*_PLACES]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'diffsim' has no attribute '{name}'")
    return getattr(import_module(f"diffsim.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])


_XLA_FLAGS = {
    "--xla_cpu_prefer_vector_width": "512",
    "--xla_backend_extra_options": ",".join(
        (
            "xla_cpu_use_multi_output_fusion=true",
            "xla_cpu_small_while_loop_byte_threshold=4000000",
            "xla_cpu_disable_loop_unrolling=true",
        )
    ),
}


def _request_xla_flags() -> None:
    """Ask XLA's CPU backend for what our programs need (``docs/engine.md`` has measurements).

    Multi-output fusion: by default that backend recomputes a value inside each of its users; in the
    chain of impulses of a Gauss-Seidel sweep through several bodies this multiplies.

    Loops in one kernel: by default each of the hundreds of small kernels in the body of a loop is
    launched by itself, which takes longer than what they compute. Loops that touch fewer bytes than
    the threshold in one pass are compiled as a whole. (Not all loops: the compiler takes more than
    linear time, and a kernel runs on one core.)

    No unrolling: our loops are many and short, and the compiler looks at all of them again for each
    one that it unrolls. Vectors of the processor's full width, where the default is half of it.

    The flags are process-wide and read when JAX starts its backend, so they are set here, before
    the first use of JAX; a flag that the user has set stays as it is. The extra options are entries
    in a free-form map: an XLA that does not know them ignores them.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    added = [f"{name}={value}" for name, value in _XLA_FLAGS.items() if name not in flags]
    os.environ["XLA_FLAGS"] = " ".join([flags, *added]).strip()


_request_xla_flags()
