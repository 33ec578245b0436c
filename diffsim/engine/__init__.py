"""The physics engine: worlds, states, one time step, rollouts and their gradients."""
