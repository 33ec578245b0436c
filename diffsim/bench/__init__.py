"""Measures what the paper's Table 1 measures: seconds of computing for simulated seconds."""
