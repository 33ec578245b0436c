"""Command-line entry points: compose a config, call, exit."""
