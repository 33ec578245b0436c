"""Constraints, one file a kind, and the rows they are made of."""
