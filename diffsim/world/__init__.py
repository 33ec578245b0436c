"""The data of a simulation: world, state, control."""
