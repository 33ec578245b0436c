"""Sensors: one file a kind, and all readings of a robot as one vector."""
