"""Checks of a robot: what it is made of, and whether its motion and its gradients hold."""
