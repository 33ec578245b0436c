"""Constraints on the motion of a step, one file a kind: its law, and what a visit does to it."""
