"""Optimisers behind one contract: gradient descent, Levenberg-Marquardt, evolution."""
