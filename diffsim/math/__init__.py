"""Vectors, rotations and arrays: what the physics is written in."""
