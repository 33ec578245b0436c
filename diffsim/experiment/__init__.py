"""Experiments: one config in, one folder of results out."""
