"""All joint types by the names that they have in robot files."""

from __future__ import annotations

from diffsim.joints.joint_type import JointType
from diffsim.tables import KindTable

JOINT_TYPES: KindTable[JointType] = KindTable(
    "joints",
    {
        "hinge": "diffsim.joints.hinge:Hinge",
        "slider": "diffsim.joints.slider:Slider",
        "universal": "diffsim.joints.universal:Universal",
        "ball": "diffsim.joints.ball:Ball",
        "fixed": "diffsim.joints.fixed:Fixed",
        "free": "diffsim.joints.free:Free",
    },
)
"""Open to others (``diffsim.tables``)."""
