"""Robots as data: from YAML to a world of the engine and its initial state."""
