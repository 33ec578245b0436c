"""Time steps, rollouts and their gradients."""
