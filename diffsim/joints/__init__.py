"""Joints, one file a type."""
