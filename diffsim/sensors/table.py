"""All sensor types by the names that they have in robot files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffsim.tables import KindTable

if TYPE_CHECKING:  # a kind is imported when it is first asked for, and JAX with it
    from diffsim.sensors.sensor_type import SensorType

SENSOR_TYPES: KindTable[SensorType] = KindTable(
    "sensors",
    {
        "position": "diffsim.sensors.body_motion:Position",
        "velocity": "diffsim.sensors.body_motion:Velocity",
        "orientation": "diffsim.sensors.body_motion:Orientation",
        "angular_velocity": "diffsim.sensors.body_motion:AngularVelocity",
        "imu": "diffsim.sensors.imu:Imu",
        "contact": "diffsim.sensors.contact:ContactForce",
        "joint_position": "diffsim.sensors.joint_motion:JointPosition",
        "joint_velocity": "diffsim.sensors.joint_motion:JointVelocity",
        "distance": "diffsim.sensors.distance:Distance",
        "goal": "diffsim.sensors.goal:Goal",
        "time": "diffsim.sensors.clock:Clock",
        "sine": "diffsim.sensors.clock:Sine",
        "cosine": "diffsim.sensors.clock:Cosine",
    },
)
"""Open to others (``diffsim.tables``)."""
