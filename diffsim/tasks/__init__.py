"""Tasks: what a robot should achieve, how far it is from it, and when it has."""
