"""Solvers of the linear complementarity problem on velocities and impulses."""
