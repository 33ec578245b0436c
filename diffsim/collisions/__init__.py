"""Closest points of two geoms' surfaces, one file for each pair of shapes."""
