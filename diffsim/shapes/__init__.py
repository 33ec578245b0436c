"""Shapes of geoms, one file a kind."""
