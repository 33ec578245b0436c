"""Environments: a task lived step by step, and adapters for other libraries."""
