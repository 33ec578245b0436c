"""Benchmarks, each a command: ``python -m benchmarks.<name>``; docs/ has the results.

``jobs`` is no command: it runs those of others. ``paper`` is ``make reproduce-paper``.
"""
