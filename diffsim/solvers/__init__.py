"""Solvers of the complementarity problem on velocities and impulses."""
