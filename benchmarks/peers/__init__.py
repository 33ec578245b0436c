"""Other engines on the same robot, in one run with ours: ``python -m benchmarks.peers``."""
