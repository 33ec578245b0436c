"""What is measured, each by a command: ``python -m benchmarks.<name>``; docs/ has what was found.

``jobs`` is no command: it runs those of others. ``paper`` is ``make reproduce-paper``.
"""
