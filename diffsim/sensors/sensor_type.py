"""The base of sensor types, and what they may look at.

A sensor type says what a sensor in a robot's file has to name, how many numbers it measures and in
which units, and how they follow from the motion. Robots side by side, choices of components and the
order of readings follow from these.

A new type is one file with one class, and its name in a table (``diffsim.sensors.table``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import ClassVar

import jax

from diffsim.joints.joint_type import JointFrames
from diffsim.joints.joints import joint_frames
from diffsim.math.indexing import column
from diffsim.math.spatial import Motion
from diffsim.math.vectors import Vec3
from diffsim.robots.config import RobotConfig, SensorConfig
from diffsim.robots.numbers import numbers
from diffsim.tables import Parameter
from diffsim.world.world import State, World, part_motion


def single(unit: str) -> Mapping[str, str]:
    """Components of a sensor of one number."""
    return {"": unit}


class Moment:
    """A robot after a time step, as sensors see it.

    Attributes:
        world, state: of the robot.
        goal: that the task has set [m], None without one.
    """

    def __init__(self, world: World, state: State, goal: Vec3 | None = None) -> None:
        self.world = world
        self.state = state
        self.goal = goal

    def motion(self, names: Iterable[str | None]) -> Motion:
        """Motion of the named bodies' frames, components (names,)."""
        index = tuple(self.world.parts.names.index(str(name)) for name in names)
        return part_motion(self.world.parts.gather(index), self.state)

    @cached_property
    def joint_frames(self) -> JointFrames:
        """Frames of all joints."""
        return joint_frames(self.world.joints, self.state.pose)


class SensorType:
    """Base of all sensor types; what most of them share is the default.

    Attributes:
        uses: keys of a sensor that it takes: "body", "relative_to", "joint", "target", "frequency".
            The others must be null. ``body`` and ``joint`` have to be given, and exist.
        components: name and unit of every number that it measures; the name is "" for a single one.
        parameters: numbers of its own, by name, which a robot's file gives under ``parameters``.
        sees_motion: whether what it measures depends on the robot's motion. If no sensor does, all
            commands of an episode are worked out before it begins.
        sees_time: whether it changes with time by itself.
        needs_goal: whether it reads the goal that a task sets.
    """

    uses: ClassVar[tuple[str, ...]] = ()
    components: ClassVar[Mapping[str, str]] = single("1")
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    sees_motion: ClassVar[bool] = True
    sees_time: ClassVar[bool] = False
    needs_goal: ClassVar[bool] = False

    def components_of(self, robot: RobotConfig, sensor: SensorConfig) -> Mapping[str, str]:
        """Name and unit of every number that one sensor of the type measures."""
        return self.components

    def check(self, robot: RobotConfig, sensor: SensorConfig, key: str) -> None:
        """Check what the attributes do not say.

        Raises:
            ConfigError: naming the key, the value and what is allowed.
        """

    def read(self, moment: Moment, sensors: Sequence[SensorConfig]) -> Sequence[jax.Array]:
        """Measurements of some sensors that use the same keys and have the same components.

        Returns:
            One array for each component, shape (sensors,), with the robots' axis behind it where
            there are several robots.
        """
        raise NotImplementedError

    def parameter(self, name: str, sensors: Sequence[SensorConfig], like: jax.Array) -> jax.Array:
        """A parameter of some sensors, shaped to go with an array (sensors,) of them."""
        default = self.parameters[name].default
        return column(numbers([s.parameters.get(name, default) for s in sensors]), like)
